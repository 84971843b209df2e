import type { AuditRecorder, HostCall } from "@apeiro-cmk/audit-log"
import {
  type Clock,
  isCodedError,
  isPluginError,
  type Logger,
  PluginError,
  type PluginErrorCode,
} from "@apeiro-cmk/plugin-interface"
import { sharedCall, throwIfAborted } from "./abort.ts"
import type { TenantKeyName } from "./commitment.ts"
import { KeyHierarchyError } from "./error.ts"
import { Flights } from "./flights.ts"
import { assertUse } from "./key-states.ts"
import { Lease, leaseEnded, momentOf } from "./lease.ts"
import { LeaseRings } from "./lease-rings.ts"
import type { KeyRepository, L1Port, StoredTenantKey } from "./ports.ts"
import type { TenantCustody, TenantKeyWrap } from "./records.ts"
import { RenewalAudit } from "./renewal-audit.ts"
import { goodWrap, openTenantKey } from "./tenant-key-opener.ts"

/** Answers of L1 that take a tenant's keys out of use at once; any other failure lets a lease run to its end. */
const denials: ReadonlySet<PluginErrorCode> = new Set<PluginErrorCode>([
  "DENIED",
  "KEY_DISABLED",
  "KEY_PENDING_DELETION",
  "KEY_NOT_FOUND",
  // After the plugin's own refresh of the credential.
  "CREDENTIAL_REJECTED",
  // Without fallbacks there is no second wrap to turn to.
  "KEY_MISMATCH",
])

/** Longest wait for L1, in milliseconds; never longer than the lease that it would give. */
const l1TimeoutMs = 10_000
/** Longest lease, in milliseconds: no stored value stretches the time in which a revocation takes effect beyond it. */
const maximumLeaseMs = 300_000
/** Tries of one call to find a lease alive: a renewal can be overtaken by a drop, and its answer can come too late. */
const maximumTries = 3

/** What leases are made of. */
export interface LeaseServices {
  readonly keys: KeyRepository
  readonly l1: L1Port
  readonly audit: AuditRecorder
  readonly clock: Clock
  readonly logger: Logger
}

/** The tenant keys in memory: each under its lease, renewed by a real decrypt while somebody uses it. */
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
   * Works with a tenant key under its lease. Waits for L1 only where there is no lease.
   *
   * @param work - runs at once and to its end, so that the lease cannot end in between
   * @throws {PluginError} the keystore refused, or could not be reached and the lease had ended
   * @throws {KeyHierarchyError} TENANT_KEY_MISSING, KEY_STATE_FORBIDS
   */
  async use<T>(name: TenantKeyName, call: HostCall, work: (lease: Lease) => T): Promise<T> {
    for (let tries = 0; tries < maximumTries; tries += 1) {
      throwIfAborted(this.#closing.signal)
      const lease = this.#rings.lease(name)
      if (lease !== undefined && this.keepAlive(lease, call)) return work(lease)
      lease?.end()
      await this.#flights.join(idOf(name), call.signal, () => this.#renew(name, call))
    }
    throw leaseEnded()
  }

  /**
   * Starts the renewal of a lease in the background, if its time has come and none is running.
   * @returns whether its key may be used at this moment
   */
  keepAlive(lease: Lease, call: HostCall): boolean {
    const phase = lease.phase()
    if (phase === "due") this.#renewAhead(lease.terms.name, call)
    return phase !== "ended"
  }

  /** Ends every lease of a tenant, also one that is being granted. */
  dropTenant(tenantId: string): void {
    this.#rings.drop(tenantId)
  }

  /** Ends all leases and waits for what is under way. */
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
    const { custody, stored, wrap } = await this.#guard(name, () => this.#look(name))
    const ring = this.#rings.enter(name.tenantId, custody.epoch)
    try {
      const lease = await this.#unwrap(stored, wrap, custody, cause)
      // Overtaken by a drop or by a newer epoch: what L1 said before that does not count any more.
      if (this.#closing.signal.aborted || !this.#rings.grant(ring, custody.epoch, lease)) lease.end()
    } finally {
      this.#rings.leave(ring)
    }
  }

  async #look(name: TenantKeyName) {
    const { keys } = this.#services
    // The epoch is read before L1 is asked: whatever changes it later ends the lease at its next renewal.
    const custody = await keys.custody(name.tenantId)
    if (custody === undefined) throw tenantKeyMissing()
    const stored = await keys.tenantKey(name.tenantId, name.keyId, name.version)
    if (stored === undefined) throw tenantKeyMissing()
    assertUse("decrypt", "The tenant key", [stored.key.state])
    return { custody, stored, wrap: goodWrap(stored) }
  }

  async #unwrap(stored: StoredTenantKey, wrap: TenantKeyWrap, custody: TenantCustody, cause: HostCall): Promise<Lease> {
    const leaseMs = Math.min(custody.leaseMs, maximumLeaseMs)
    const { clock, l1 } = this.#services
    const { tenantId, keyId, version, state } = stored.key
    const name = { tenantId, keyId, version }
    const startedAt = momentOf(clock)
    const { call, done } = sharedCall(cause, Math.min(l1TimeoutMs, leaseMs), clock, this.#closing.signal)
    try {
      const { key, ...backend } = await this.#guard(name, () => openTenantKey(l1, stored, wrap, call))
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

  /** Runs a part of a renewal; a failure takes its effect on the leases before anybody is told of it. */
  async #guard<T>(name: TenantKeyName, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.#afterFailure(name, error)
      throw error
    }
  }

  #afterFailure(name: TenantKeyName, error: unknown): void {
    if (isPluginError(error) && denials.has(error.code)) {
      if (error.code === "KEY_MISMATCH") {
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

/** The error for calls after `close`. */
export function closedError(): PluginError {
  return new PluginError("CANCELLED", "The host is stopping: its keys are gone from memory.", {
    origin: "host",
    retryable: true,
    nextStep: "Call again when the host has started.",
  })
}

/** The error for a tenant that has no such tenant key. */
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
