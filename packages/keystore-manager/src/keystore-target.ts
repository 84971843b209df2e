/** Names one keystore of one tenant. */
export interface KeystoreTarget {
  readonly tenantId: string
  readonly keystoreId: string
}

/** Makes one key out of a target; neither id can contain a slash. */
export function nameOf({ tenantId, keystoreId }: KeystoreTarget): string {
  return `${tenantId}/${keystoreId}`
}
