import type { AuditRecorder } from "@apeiro-cmk/audit-log"
import { type HostCall, timeBudgets } from "@apeiro-cmk/host-call"
import { type Clock, isCodedError, isPluginError, type Logger, PluginError } from "@apeiro-cmk/plugin-interface"
import { sharedCall, throwIfAborted } from "./abort.ts"
import type { TenantKeyName } from "./commitment.ts"
import { KeyHierarchyError } from "./error.ts"
import { endsLeases, errorMeanings } from "./error-meanings.ts"
import { Flights } from "./flights.ts"
import { refusalOf } from "./key-states.ts"
import { Lease, leaseEnded, momentOf } from "./lease.ts"
import { type LeaseRing, LeaseRings } from "./lease-rings.ts"
import type { KeyRepository, L1Port, StoredTenantKey } from "./ports.ts"
import type { TenantCustody, TenantKeyWrap } from "./records.ts"
import { RenewalAudit } from "./renewal-audit.ts"
import { openTenantKey, wrapToOpen } from "./tenant-key-opener.ts"

/** Longest lease, in milliseconds. No stored value delays a revocation beyond it. */
const maximumLeaseMs = 300_000
/** Attempts of one call to find a running lease: a denial can overtake a renewal, and its answer can come too late. */
const maximumAttempts = 3

/** Services that leases use. */
export interface LeaseServices {
  readonly keys: KeyRepository
  readonly l1: L1Port
  readonly audit: AuditRecorder
  readonly clock: Clock
  readonly logger: Logger
}

/** Holds the tenant keys in memory, each under its lease, which a real decrypt renews while somebody uses it. */
export class TenantKeyLeases {
  readonly #services: LeaseServices
  readonly #renewals: RenewalAudit
  readonly #flights = new Flights()
  readonly #rings = new LeaseRings()
  readonly #closing = new AbortController()

  constructor(services: LeaseServices) {
    this.#services = services
    this.#renewals = new RenewalAudit(services.audit, services.clock)
  }

  /**
   * Works with a tenant key under its lease. Waits for L1 only while there is no lease.
   *
   * @param work - synchronous, so that the lease cannot end while it runs
   * @throws {PluginError} the keystore refused, or the lease had ended and the keystore did not answer
   * @throws {KeyHierarchyError} TENANT_KEY_MISSING, KEY_STATE_FORBIDS
   */
  async use<T>(name: TenantKeyName, call: HostCall, work: (lease: Lease) => T): Promise<T> {
    for (let attempts = 0; attempts < maximumAttempts; attempts += 1) {
      throwIfAborted(this.#closing.signal)
      const lease = this.#rings.lease(name)
      if (lease !== undefined && this.keepAlive(lease, call)) return work(lease)
      lease?.end()
      await this.#flights.join(idOf(name), call.signal, () => this.#renew(name, call))
    }
    throw leaseEnded()
  }

  /**
   * Starts the renewal of a lease in the background, if it is due and none is running.
   * @returns whether its key may be used now
   */
  keepAlive(lease: Lease, call: HostCall): boolean {
    const phase = lease.phase()
    if (phase === "due") this.#renewAhead(lease.terms.name, call)
    return phase !== "ended"
  }

  /**
   * Tells whether a tenant key is leased at this moment: by the lease that a call began with, or by one that a later
   * decrypt of L1 has granted. Nothing that began before a denial is granted after it.
   */
  holds(name: TenantKeyName): boolean {
    const phase = this.#rings.lease(name)?.phase()
    return phase === "running" || phase === "due"
  }

  /** Ends all leases, and waits for running renewals. */
  async close(): Promise<void> {
    this.#closing.abort(closedError())
    this.#rings.dropAll()
    await this.#flights.settled()
  }

  #renewAhead(name: TenantKeyName, call: HostCall): void {
    if (this.#flights.has(idOf(name))) return
    this.#flights
      .start(idOf(name), () => this.#renew(name, call))
      .catch((error: unknown) => {
        this.#services.logger.warn("renewal of a tenant key failed", { tenantId: name.tenantId, code: codeOf(error) })
      })
  }

  async #renew(name: TenantKeyName, cause: HostCall): Promise<void> {
    const ring = this.#rings.enter(name.tenantId)
    try {
      const { custody, stored, wrap } = await this.#guard(name, () => this.#look(name, ring))
      const lease = await this.#unwrap(stored, wrap, custody, cause)
      // Overtaken by a denial or by a newer epoch: an earlier answer of L1 no longer counts.
      if (this.#closing.signal.aborted || !this.#rings.grant(ring, custody.epoch, lease)) lease.end()
    } finally {
      this.#rings.leave(ring)
    }
  }

  async #look(name: TenantKeyName, ring: LeaseRing) {
    const { keys } = this.#services
    // The epoch is read before L1 is asked, so that a later change of it ends the lease at its next renewal.
    const custody = await keys.custody(name.tenantId)
    if (custody === undefined) throw tenantKeyMissing()
    // At once: a newer epoch must not wait for a slow database.
    this.#rings.meet(ring, custody.epoch)
    const stored = await keys.tenantKey(name.tenantId, name.keyId, name.version)
    if (stored === undefined) throw tenantKeyMissing()
    const forbids = refusalOf("decrypt", "The tenant key", [stored.key.state])
    return { custody, stored, wrap: wrapToOpen(stored.wraps, forbids === undefined ? {} : { forbids }) }
  }

  async #unwrap(stored: StoredTenantKey, wrap: TenantKeyWrap, custody: TenantCustody, cause: HostCall): Promise<Lease> {
    const leaseMs = Math.min(custody.leaseMs, maximumLeaseMs)
    const { clock, l1 } = this.#services
    const { tenantId, keyId, version, state } = stored.key
    const name = { tenantId, keyId, version }
    const startedAt = momentOf(clock)
    const timeoutMs = Math.min(timeBudgets.leaseRenewal.limitMs, leaseMs)
    const { call, done } = sharedCall(cause, timeoutMs, clock, this.#closing.signal)
    try {
      const { key, ...backend } = await this.#guard(name, () => openTenantKey(l1, stored, wrap, "lease", call))
      const lease = new Lease({ name, state, leaseMs, startedAt }, key, clock)
      await this.#guard(name, () =>
        this.#renewals.record(name, wrap.keystoreId, call, { outcome: "success", ...backend }),
      ).catch((error: unknown) => {
        lease.end()
        throw error
      })
      return lease
    } catch (error) {
      if (isPluginError(error)) await this.#renewals.record(name, wrap.keystoreId, call, { outcome: "failure", error })
      throw error
    } finally {
      done()
    }
  }

  /** Runs a part of a renewal. A failure takes effect on the leases before it is thrown. */
  async #guard<T>(name: TenantKeyName, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.#afterFailure(name, error)
      throw error
    }
  }

  #afterFailure(name: TenantKeyName, error: unknown): void {
    if (isPluginError(error) && endsLeases(error.code)) {
      if (errorMeanings[error.code].custody === "mismatch") {
        this.#services.logger.error("a wrap does not hold the tenant key", { ...name })
      }
      this.#rings.drop(name.tenantId)
    } else if (error instanceof KeyHierarchyError) {
      this.#rings.lease(name)?.end()
    } else {
      this.#rings.lease(name)?.pauseRenewal()
    }
  }
}

/** Makes the error for calls after `close`. */
export function closedError(): PluginError {
  return new PluginError("CANCELLED", "The host is stopping and has dropped its keys.", {
    origin: "host",
    retryable: true,
    nextStep: "Try again once the host has started.",
  })
}

/** Makes the error for a tenant that has no such tenant key. */
export function tenantKeyMissing(): KeyHierarchyError {
  return new KeyHierarchyError("TENANT_KEY_MISSING", "The tenant has no tenant key yet.", {
    origin: "caller",
    retryable: false,
    nextStep: "Add a keystore to the tenant and activate it.",
  })
}

function idOf(name: TenantKeyName): string {
  return `${name.tenantId}/${name.keyId}/${name.version}`
}

function codeOf(error: unknown): string {
  return isCodedError(error) ? error.code : "INTERNAL"
}
