const longestName = 64
const forbidden = /[^\w+=,.@-]/g

/** Returns the name of a session in CloudTrail: the host and the tenant. Source: STS, `RoleSessionName`. */
export function sessionNameOf(host: string, tenantId: string): string {
  return `${host}-${tenantId.replaceAll(forbidden, "_")}`.slice(0, longestName)
}
