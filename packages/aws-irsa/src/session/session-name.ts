const longestName = 64
const forbidden = /[^\w+=,.@-]/g

/** Name under which CloudTrail shows a session: the host, and for whom it works. Source: STS, `RoleSessionName`. */
export function sessionNameOf(host: string, tenantId: string): string {
  return `${host}-${tenantId.replaceAll(forbidden, "_")}`.slice(0, longestName)
}
