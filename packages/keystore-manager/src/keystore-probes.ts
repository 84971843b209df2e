import { type HostCall, timeBudgets } from "@apeiro-cmk/host-call"
import { type Clock, type CodedError, isCodedError } from "@apeiro-cmk/plugin-interface"
import { TenantMemory } from "@apeiro-cmk/plugin-sdk"
import type { KeystoreCaller } from "./caller/keystore-caller.ts"
import type { KeystoreTarget } from "./keystore-target.ts"
import type { KeystoreRecord } from "./records.ts"

/** Decrypts between two probes: a probe is one more operation of a budget that is made for renewals. */
const decryptsBetween = 10
/** Most keystores of one tenant whose decrypts are counted. */
const maximumPerTenant = 1_000
/** Least time between two probes of a keystore, in milliseconds. */
const leastPauseMs = 120_000

/** Services that probes use. */
interface ProbeServices {
  readonly caller: KeystoreCaller
  readonly clock: Clock
  /** Hears what a decrypt does not show, e.g. that the key has become exportable. */
  readonly health: { noteStanding(target: KeystoreTarget, fault: string, error: CodedError | undefined): void }
}

interface Turn {
  decrypts: number
  readonly sinceMs: number
}

/**
 * Has the plugin of a keystore in use probe its key now and then: renewals only decrypt, and a key that has become
 * unsuitable, since it can be exported, still decrypts.
 */
export class KeystoreProbes {
  readonly #services: ProbeServices
  readonly #turns = new TenantMemory<Turn>(maximumPerTenant)

  constructor(services: ProbeServices) {
    this.#services = services
  }

  /** Notes a decrypt that succeeded, and starts a probe in the background when one is due. */
  afterDecrypt(record: KeystoreRecord, call: HostCall): void {
    const nowMs = this.#services.clock.monotonicMs()
    const { tenantId, keystoreId } = record
    const turn = this.#turns.get(tenantId, keystoreId) ?? { decrypts: 0, sinceMs: nowMs }
    turn.decrypts += 1
    const isDue = turn.decrypts >= decryptsBetween && nowMs - turn.sinceMs >= leastPauseMs
    this.#turns.set(tenantId, keystoreId, isDue ? { decrypts: 0, sinceMs: nowMs } : turn)
    if (isDue) void this.#probe(record, call)
  }

  /** Forgets a keystore that was removed. */
  forget({ tenantId, keystoreId }: KeystoreTarget): void {
    this.#turns.delete(tenantId, keystoreId)
  }

  /** Any other failure is an outcome like that of every call, which the next success disproves. */
  async #probe(record: KeystoreRecord, { requestId }: HostCall): Promise<void> {
    const { caller, clock, health } = this.#services
    const { tenantId, keystoreId } = record
    const deadlineMs = clock.nowMs() + timeBudgets.keystoreOperation.limitMs
    const call = { tenantId, keystoreId, requestId, deadlineMs, signal: new AbortController().signal }
    try {
      await caller.use(record, call, (keystore, options) => keystore.probe(options))
      health.noteStanding(record, "probe", undefined)
    } catch (error) {
      if (isCodedError(error) && error.code === "KEY_UNSUITABLE") health.noteStanding(record, "probe", error)
    }
  }
}
