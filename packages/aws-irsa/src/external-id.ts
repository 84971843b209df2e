import { createHash } from "node:crypto"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** Ids with this beginning are given out by this plugin alone. */
const prefix = "apeiro-cmk-"

/**
 * The external id under which a tenant's role is assumed. Where the tenant names none it follows from the tenant, so that
 * nobody can have the role of another tenant assumed by naming its ARN.
 *
 * @param platformRoleArn - who assumes the role
 * @throws {PluginError} INVALID_REQUEST - the tenant names one that was made for another tenant
 * Source: AWS IAM User Guide, "The confused deputy problem"
 */
export function externalIdOf(tenantId: string, platformRoleArn: string, given: string | undefined): string {
  const digest = createHash("sha256")
    .update(JSON.stringify(["external id", platformRoleArn, tenantId]))
    .digest("hex")
  const own = `${prefix}${digest.slice(0, 40)}`
  if (given === undefined || given === own) return own
  if (!given.startsWith(prefix)) return given
  throw pluginError(
    "INVALID_REQUEST",
    `external_id begins with ${prefix} and is not the one of this tenant.`,
    "Leave external_id out: the set-up material shows the id of this tenant.",
    { issues: [{ path: ["external_id"], message: "is not the one of this tenant" }] },
  )
}
