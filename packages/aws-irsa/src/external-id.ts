import { createHash } from "node:crypto"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** Only this plugin issues ids with this prefix. */
const prefix = "apeiro-cmk-"

/**
 * Returns the external id for assuming a tenant's role. By default it is derived from the tenant, so that no tenant can
 * use the role of another by entering its ARN. Source: AWS IAM User Guide, "The confused deputy problem".
 *
 * @param platformRoleArn - the role that assumes the tenant's role
 * @throws {PluginError} INVALID_REQUEST - the tenant enters an id that was issued for another tenant
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
    `external_id begins with ${prefix}, but is not the id of this tenant.`,
    "Leave external_id out; the set-up material shows the id of this tenant.",
    { issues: [{ path: ["external_id"], message: "is not the id of this tenant" }] },
  )
}
