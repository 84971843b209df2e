import { createHash } from "node:crypto"

const longestName = 64
/** A tenant id of the host, which is shown as it is. */
const plainTenant = /^[a-z0-9-]+$/
const forbidden = /[^\w+=,.@-]/g
const digestDigits = 20

/**
 * Returns the name of a session in CloudTrail: the host and the tenant. Where they do not fit, or the tenant has other
 * characters than a tenant id, the name ends in `=` and a digest, so that two tenants never share one. Source: STS,
 * `RoleSessionName`.
 *
 * @param host - at most 24 characters
 */
export function sessionNameOf(host: string, tenantId: string): string {
  const name = `${host}-${tenantId}`
  if (name.length <= longestName && plainTenant.test(tenantId)) return name
  const digest = createHash("sha256").update(tenantId).digest("hex").slice(0, digestDigits)
  return `${name.replaceAll(forbidden, "_").slice(0, longestName - digestDigits - 1)}=${digest}`
}
