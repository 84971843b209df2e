import type { TenantKeyName } from "./commitment.ts"
import type { Lease } from "./lease.ts"

/**
 * The leases of one tenant, all granted in the same epoch.
 *
 * Whoever drops the tenant's leases takes the ring away, and a renewal grants only into the ring that it entered at its
 * beginning. So a ring that is gone is the tombstone for every renewal that began before, and no other needs one.
 */
export interface LeaseRing {
  readonly tenantId: string
  /** Newest epoch that a renewal has read; 0 before the first. */
  epoch: number
  /** Number of running renewals; while there are any, the ring outlives its leases. */
  renewals: number
  /** By id and version of the tenant key. */
  readonly leases: Map<string, Lease>
}

/** Most tenants with keys in memory; beyond it, the keys of the one renewed longest ago are dropped. */
const maximumTenants = 10_000

/** Holds the leases of all tenants. A tenant without any is forgotten. */
export class LeaseRings {
  readonly #rings = new Map<string, LeaseRing>()

  /** Looks up the lease of a tenant key. */
  lease(name: TenantKeyName): Lease | undefined {
    return this.#rings.get(name.tenantId)?.leases.get(keyOf(name))
  }

  /**
   * Opens the tenant's ring for a renewal. It comes before anything that the renewal relies on is read, so that no
   * {@link drop} from then on goes unseen.
   */
  enter(tenantId: string): LeaseRing {
    const ring: LeaseRing = this.#rings.get(tenantId) ?? { tenantId, epoch: 0, renewals: 0, leases: new Map() }
    ring.renewals += 1
    this.#rings.delete(tenantId)
    this.#rings.set(tenantId, ring)
    this.#letGoOfOldest()
    return ring
  }

  /** Notes the epoch that a renewal has read. A newer one ends every lease; a lease of an older one will not be granted. */
  meet(ring: LeaseRing, epoch: number): void {
    if (epoch <= ring.epoch) return
    ring.epoch = epoch
    endAll(ring)
  }

  /** Replaces the lease of a tenant key. @returns false where the ring has been dropped or has another epoch by now */
  grant(ring: LeaseRing, epoch: number, lease: Lease): boolean {
    if (this.#rings.get(ring.tenantId) !== ring || ring.epoch !== epoch) return false
    const key = keyOf(lease.terms.name)
    const before = ring.leases.get(key)
    ring.leases.set(key, lease)
    before?.end()
    lease.onEnd(() => {
      if (ring.leases.get(key) === lease) ring.leases.delete(key)
      this.#forgetIfEmpty(ring)
    })
    return true
  }

  /** Ends what {@link enter} began, with or without a lease. */
  leave(ring: LeaseRing): void {
    ring.renewals -= 1
    this.#forgetIfEmpty(ring)
  }

  /** Ends every lease of a tenant, and refuses those whose renewal has begun. */
  drop(tenantId: string): void {
    const ring = this.#rings.get(tenantId)
    if (ring === undefined) return
    this.#rings.delete(tenantId)
    endAll(ring)
  }

  /** Does {@link drop} for every tenant. */
  dropAll(): void {
    for (const tenantId of [...this.#rings.keys()]) this.drop(tenantId)
  }

  #forgetIfEmpty(ring: LeaseRing): void {
    const isEmpty = ring.leases.size === 0 && ring.renewals === 0
    if (isEmpty && this.#rings.get(ring.tenantId) === ring) this.#rings.delete(ring.tenantId)
  }

  #letGoOfOldest(): void {
    const oldest = this.#rings.keys().next()
    if (this.#rings.size > maximumTenants && oldest.done === false) this.drop(oldest.value)
  }
}

function endAll(ring: LeaseRing): void {
  for (const lease of [...ring.leases.values()]) lease.end()
}

function keyOf(name: TenantKeyName): string {
  return `${name.keyId}/${name.version}`
}
