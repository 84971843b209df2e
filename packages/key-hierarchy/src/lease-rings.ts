import type { TenantKeyName } from "./commitment.ts"
import type { Lease } from "./lease.ts"

/** One tenant's leases, all granted in the same epoch. */
interface LeaseRing {
  readonly tenantId: string
  epoch: number
  /** Renewals under way; while there are any, the ring outlives its leases. */
  renewals: number
  /** By id and version of the tenant key. */
  readonly leases: Map<string, Lease>
}

/** Tenants whose keys are in memory at once; beyond it, the one served longest ago is let go. */
const maximumTenants = 10_000

/** The leases of all tenants. A tenant without any is forgotten. */
export class LeaseRings {
  readonly #rings = new Map<string, LeaseRing>()

  lease(name: TenantKeyName): Lease | undefined {
    return this.#rings.get(name.tenantId)?.leases.get(keyOf(name))
  }

  /**
   * Opens the tenant's ring for a lease that is about to be granted. A newer epoch ends every lease in it; an older one
   * was read too early, and will not be granted.
   */
  enter(tenantId: string, epoch: number): LeaseRing {
    const present = this.#rings.get(tenantId)
    const ring: LeaseRing = present ?? { tenantId, epoch, renewals: 0, leases: new Map() }
    if (epoch > ring.epoch) {
      ring.epoch = epoch
      endAll(ring)
    }
    ring.renewals += 1
    this.#rings.delete(tenantId)
    this.#rings.set(tenantId, ring)
    this.#letGoOfOldest()
    return ring
  }

  /** Puts a lease in place of the one before. @returns false where the ring was dropped, or its epoch is another by now */
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

  /** Ends what {@link enter} began, with a lease or without. */
  leave(ring: LeaseRing): void {
    ring.renewals -= 1
    this.#forgetIfEmpty(ring)
  }

  drop(tenantId: string): void {
    const ring = this.#rings.get(tenantId)
    if (ring === undefined) return
    this.#rings.delete(tenantId)
    endAll(ring)
  }

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
