import type { AuditRecorder } from "@apeiro-cmk/audit-log"
import { backendRequestOf, eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { TenantKeyName } from "./commitment.ts"

/** Outcome of one attempt to unwrap a tenant key. */
type UnwrapOutcome =
  | { readonly outcome: "success"; readonly backendRequestId?: string }
  | { readonly outcome: "failure"; readonly error: unknown }

/** Last record about one tenant key at one keystore. */
interface Remembered {
  readonly code: string
  readonly minute: number
  /** Number of renewals since then without an entry. */
  unrecorded: number
}

const minuteMs = 60_000
/** Most tenant keys that are remembered. The next renewal of a forgotten one is recorded as a first unwrap. */
const maximumRemembered = 10_000

/**
 * Records the first unwrap of a tenant key, and then one renewal per keystore, minute and outcome. A change of outcome is
 * recorded at once.
 */
export class RenewalAudit {
  readonly #audit: AuditRecorder
  readonly #clock: Clock
  readonly #remembered = new Map<string, Remembered>()

  constructor(audit: AuditRecorder, clock: Clock) {
    this.#audit = audit
    this.#clock = clock
  }

  /** Records an attempt. @throws {AuditError} AUDIT_UNAVAILABLE - the unwrapped key may not be used */
  async record(name: TenantKeyName, keystoreId: string, call: HostCall, result: UnwrapOutcome): Promise<void> {
    const key = `${name.tenantId}/${name.keyId}/${name.version}/${keystoreId}`
    const facts = result.outcome === "failure" ? failureOf(result.error) : { outcome: result.outcome }
    const code = "code" in facts ? facts.code : "success"
    const minute = Math.floor(this.#clock.nowMs() / minuteMs)
    const last = this.#remembered.get(key)
    if (last?.code === code && last.minute === minute) {
      last.unrecorded += 1
      return
    }
    await this.#audit.record({
      ...eventOf(last === undefined ? "tenantKeyUnwrap" : "tenantKeyLeaseRenewal", name.tenantId, call),
      ...facts,
      resource: { type: "tenantKey", id: name.keyId, version: String(name.version) },
      keystoreId,
      ...backendRequestOf(result.outcome === "success" ? result.backendRequestId : undefined),
      ...(last === undefined ? {} : { facts: { unrecorded_renewals: last.unrecorded } }),
    })
    this.#remember(key, { code, minute, unrecorded: 0 })
  }

  #remember(key: string, entry: Remembered): void {
    this.#remembered.delete(key)
    this.#remembered.set(key, entry)
    const oldest = this.#remembered.keys().next()
    if (this.#remembered.size > maximumRemembered && oldest.done === false) this.#remembered.delete(oldest.value)
  }
}
