import type { KeyObject } from "node:crypto"
import { setImmediate as othersTurn } from "node:timers/promises"
import type { AuditRecorder } from "@apeiro-cmk/audit-log"
import { eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { KeyHierarchyError } from "./error.ts"
import type { HierarchyServices } from "./ports.ts"
import type { KeyLifecycleState, ServiceKeyRecord, TenantKeyRecord } from "./records.ts"
import { openServiceKey } from "./service-key-opener.ts"

/** Findings about one version of a service key. */
export interface ServiceKeyVerification {
  readonly serviceKeyId: string
  readonly name: string
  readonly version: number
  readonly state: KeyLifecycleState
  readonly parentKeyId: string
  readonly parentKeyVersion: number
  readonly createdAtMs: number
  /** Whether its tenant key has just opened it. */
  readonly opens: boolean
  /** Why it did not open. Where its tenant key did not open either, the code of that. */
  readonly code?: string
  readonly nextStep?: string
  /** Id of the audit entry of this verification. */
  readonly verificationEntryId: string
}

/** Service keys that are opened, and recorded, in one go. */
const batchSize = 100

/** Opens the service keys of a tenant while their tenant keys are at hand, and then reports on each. */
export class ServiceKeyCheck {
  readonly #records: readonly ServiceKeyRecord[]
  /** `undefined` for a key that opened, else why it did not. */
  readonly #found = new Map<ServiceKeyRecord, unknown>()

  constructor(records: readonly ServiceKeyRecord[]) {
    this.#records = records
  }

  /** Opens the service keys under a tenant key, some at a time, so that other tenants' requests have their turns. */
  async openUnder(parent: TenantKeyRecord, key: KeyObject): Promise<void> {
    for (const records of inBatches(this.#under(parent))) {
      for (const record of records) this.#found.set(record, failureToOpen(record, key))
      await othersTurn()
    }
  }

  /** Notes that no wrap opened a tenant key, for the service keys under it. */
  unopened(parent: TenantKeyRecord, failure: unknown): void {
    for (const record of this.#under(parent)) if (!this.#found.has(record)) this.#found.set(record, failure)
  }

  /** Records each verification, and reports it. No more entries wait for their commit at a time than one batch has. */
  async results(
    { audit }: Pick<HierarchyServices, "audit">,
    call: HostCall,
  ): Promise<readonly ServiceKeyVerification[]> {
    const results: ServiceKeyVerification[] = []
    for (const records of inBatches(this.#records)) {
      results.push(...(await Promise.all(records.map((record) => this.#result(record, audit, call)))))
    }
    return results
  }

  async #result(record: ServiceKeyRecord, audit: AuditRecorder, call: HostCall): Promise<ServiceKeyVerification> {
    const { tenantId, envelope: _, ...about } = record
    const failure = this.#found.has(record) ? this.#found.get(record) : parentMissing()
    const { entryId } = await audit.record({
      ...eventOf("serviceKeyUnwrap", tenantId, call),
      resource: { type: "serviceKey", id: record.serviceKeyId, version: String(record.version) },
      ...(failure === undefined ? ({ outcome: "success" } as const) : failureOf(failure)),
      facts: { purpose: "verification", name: record.name },
    })
    if (failure === undefined) return { ...about, opens: true, verificationEntryId: entryId }
    const nextStep = isCodedError(failure) ? { nextStep: failure.nextStep } : {}
    return { ...about, opens: false, code: failureOf(failure).code, ...nextStep, verificationEntryId: entryId }
  }

  #under({ keyId, version }: TenantKeyRecord): readonly ServiceKeyRecord[] {
    return this.#records.filter((record) => record.parentKeyId === keyId && record.parentKeyVersion === version)
  }
}

function inBatches<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / batchSize) }, (_, index) =>
    all.slice(index * batchSize, (index + 1) * batchSize),
  )
}

/** Opens a service key. @returns why it does not open; undefined where it does */
function failureToOpen(record: ServiceKeyRecord, key: KeyObject): unknown {
  try {
    openServiceKey(key, record)
    return undefined
  } catch (error) {
    return error
  }
}

function parentMissing(): KeyHierarchyError {
  return new KeyHierarchyError("SERVICE_KEY_UNREADABLE", "No wrap of its tenant key is stored.", {
    origin: "host",
    retryable: false,
    nextStep: "The database was altered: restore it from a backup, and find out who changed it.",
  })
}
