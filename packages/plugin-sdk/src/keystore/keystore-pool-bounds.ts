/** Bounds of a pool of opened keystores. */
export interface KeystorePoolBounds {
  /** How long a keystore stays open without use, in milliseconds. */
  readonly idleMs: number
  /** Most keystores that are open at once. */
  readonly maximumOpen: number
  /** Most of them of one tenant. */
  readonly maximumPerTenant: number
}

/** Bounds that suit most hosts: five minutes, 1,000 in all, 50 of one tenant. */
export const defaultKeystorePoolBounds: KeystorePoolBounds = {
  idleMs: 300_000,
  maximumOpen: 1_000,
  maximumPerTenant: 50,
}

interface OfTenant {
  readonly tenantId: string
}

/**
 * Says which idle keystore makes room for one more of a tenant: one of its own where its share is full, else one of the
 * tenant with the most; in either case the longest idle.
 *
 * @param idle - longest idle first
 * @returns `none` where there is room; `undefined` where nothing that could make room is idle
 */
export function evictionFor<Pooled extends OfTenant>(
  tenantId: string,
  open: ReadonlySet<Pooled>,
  idle: ReadonlySet<Pooled>,
  { maximumOpen, maximumPerTenant }: KeystorePoolBounds,
): Pooled | "none" | undefined {
  const counts = countsOf(open)
  if ((counts.get(tenantId) ?? 0) >= maximumPerTenant) return [...idle].find((each) => each.tenantId === tenantId)
  if (open.size < maximumOpen) return "none"
  // One more would make this tenant's own count the larger one where it equals another's.
  counts.set(tenantId, (counts.get(tenantId) ?? 0) + 0.5)
  const count = (pooled: Pooled) => counts.get(pooled.tenantId) ?? 0
  let found: Pooled | undefined
  for (const pooled of idle) if (found === undefined || count(pooled) > count(found)) found = pooled
  return found
}

function countsOf(open: ReadonlySet<OfTenant>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { tenantId } of open) counts.set(tenantId, (counts.get(tenantId) ?? 0) + 1)
  return counts
}
