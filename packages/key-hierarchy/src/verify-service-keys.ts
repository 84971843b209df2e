import type { KeyObject } from "node:crypto"
import type { HostCall } from "@apeiro-cmk/audit-log"
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { eventOf, failureOf } from "./audit-trail.ts"
import { KeyHierarchyError } from "./error.ts"
import type { HierarchyServices } from "./ports.ts"
import type { KeyLifecycleState, ServiceKeyRecord, TenantKeyRecord } from "./records.ts"
import { openServiceKey } from "./service-key-opener.ts"

/** What is true of one version of a service key at this moment. */
export interface ServiceKeyVerification {
  readonly serviceKeyId: string
  readonly name: string
  readonly version: number
  readonly state: KeyLifecycleState
  readonly parentKeyId: string
  readonly parentKeyVersion: number
  readonly createdAtMs: number
  /** Its tenant key opened it just now. */
  readonly opens: boolean
  /** Why it did not open; where its tenant key did not open either, the code of that. */
  readonly code?: string
  readonly nextStep?: string
  /** The audit entry of this verification. */
  readonly verificationEntryId: string
}

/** Opens the service keys of a tenant while their tenant keys pass by, and then tells of each. */
export class ServiceKeyCheck {
  readonly #records: readonly ServiceKeyRecord[]
  /** `undefined` for a key that opened, else why it did not. */
  readonly #found = new Map<ServiceKeyRecord, unknown>()

  constructor(records: readonly ServiceKeyRecord[]) {
    this.#records = records
  }

  /** Opens what hangs on a tenant key. Runs at once, so that the tenant key need not be kept. */
  openUnder(parent: TenantKeyRecord, key: KeyObject): void {
    for (const record of this.#under(parent)) {
      let failure: unknown
      try {
        openServiceKey(key, record)
      } catch (error) {
        failure = error
      }
      this.#found.set(record, failure)
    }
  }

  /** What hangs on a tenant key that no wrap opened. */
  unopened(parent: TenantKeyRecord, failure: unknown): void {
    for (const record of this.#under(parent)) if (!this.#found.has(record)) this.#found.set(record, failure)
  }

  /** Records each verification, and tells of it. */
  async results(
    { audit }: Pick<HierarchyServices, "audit">,
    call: HostCall,
  ): Promise<readonly ServiceKeyVerification[]> {
    return Promise.all(
      this.#records.map(async (record) => {
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
      }),
    )
  }

  #under({ keyId, version }: TenantKeyRecord): readonly ServiceKeyRecord[] {
    return this.#records.filter((record) => record.parentKeyId === keyId && record.parentKeyVersion === version)
  }
}

function parentMissing(): KeyHierarchyError {
  return new KeyHierarchyError("SERVICE_KEY_UNREADABLE", "No wrap of the tenant key above is stored.", {
    origin: "host",
    retryable: false,
    nextStep: "The database was altered: restore it from a backup, and find out who changed it.",
  })
}
