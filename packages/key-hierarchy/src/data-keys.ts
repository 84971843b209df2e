import type { AuditAction, AuditRecorder } from "@apeiro-cmk/audit-log"
import { keyLength } from "@apeiro-cmk/committing-wrap"
import { eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"
import { pooledRandom } from "@apeiro-cmk/plugin-sdk/services"
import { v7 as uuidv7 } from "uuid"
import { throwIfAborted } from "./abort.ts"
import type { TenantKeyName } from "./commitment.ts"
import { decodeEnvelope, type Envelope } from "./envelope.ts"
import { assertUse, type KeyUse } from "./key-states.ts"
import { unwrapKey, wrapKey } from "./key-wrap.ts"
import { LeasedAnswer } from "./leased-answer.ts"
import { isServiceKeyName } from "./service-key-name.ts"
import type { LoadedServiceKey, ServiceKeys } from "./service-keys.ts"

/** A new data key (L4) and its envelope. */
export interface GeneratedDataKey {
  /** 32 bytes; filled with zeros once the answer has been given. */
  readonly plaintext: Uint8Array
  /** Bytes as specified in docs/envelope.md; the caller keeps them, the host does not. */
  readonly envelope: Uint8Array
  readonly auditEntryId: string
  readonly serviceKeyVersion: number
}

/** A data key that was unwrapped from its envelope. */
export interface UnwrappedDataKey {
  /** 32 bytes; filled with zeros once the answer has been given. */
  readonly plaintext: Uint8Array
  readonly auditEntryId: string
  /** Version of the service key that opened it. */
  readonly serviceKeyVersion: number
}

/** A new envelope of the same data key, under the newest version of its service key. */
export interface RewrappedDataKey {
  readonly envelope: Uint8Array
  readonly auditEntryId: string
  readonly serviceKeyVersion: number
}

/** A data key whose envelope has been made or opened. */
interface HandledDataKey {
  readonly dataKeyId: string
  readonly serviceKeyVersion: number
  readonly plaintext: Uint8Array
  /** The tenant keys under whose leases this was done. */
  readonly tenantKeys: readonly TenantKeyName[]
}

/** A data key whose envelope has just been made. */
interface WrappedDataKey extends HandledDataKey {
  readonly envelope: Uint8Array
}

/** Makes data keys, and unwraps and rewraps them. */
export class DataKeys {
  readonly #serviceKeys: ServiceKeys
  readonly #audit: AuditRecorder
  readonly #random: RandomSource
  readonly #publicRandom: RandomSource

  constructor(serviceKeys: ServiceKeys, audit: AuditRecorder, random: RandomSource) {
    this.#serviceKeys = serviceKeys
    this.#audit = audit
    this.#random = random
    this.#publicRandom = pooledRandom(random)
  }

  generate(tenantId: string, name: string, call: HostCall): Promise<LeasedAnswer<GeneratedDataKey>> {
    const make = (parent: LoadedServiceKey): WrappedDataKey => {
      assertServiceKey("encrypt", parent)
      const dataKeyId = uuidv7({ random: this.#publicRandom.bytes(16) })
      return this.#wrapUnder(parent, dataKeyId, this.#random.bytes(keyLength))
    }
    return this.#audited(
      { action: "dataKeyGenerate", tenantId, name, call },
      () => this.#serviceKeys.useNewest(tenantId, name, call, make),
      ({ plaintext, envelope, serviceKeyVersion }, auditEntryId) => ({
        plaintext,
        envelope,
        auditEntryId,
        serviceKeyVersion,
      }),
    )
  }

  unwrap(
    tenantId: string,
    name: string,
    envelope: Uint8Array,
    call: HostCall,
  ): Promise<LeasedAnswer<UnwrappedDataKey>> {
    return this.#audited(
      { action: "dataKeyUnwrap", tenantId, name, call },
      () => this.#open(tenantId, name, envelope, call),
      ({ plaintext, serviceKeyVersion }, auditEntryId) => ({ plaintext, auditEntryId, serviceKeyVersion }),
    )
  }

  rewrap(
    tenantId: string,
    name: string,
    envelope: Uint8Array,
    call: HostCall,
  ): Promise<LeasedAnswer<RewrappedDataKey>> {
    return this.#audited(
      { action: "dataKeyRewrap", tenantId, name, call },
      () => this.#rewrap(tenantId, name, envelope, call),
      ({ envelope: rewrapped, serviceKeyVersion }, auditEntryId) => ({
        envelope: rewrapped,
        auditEntryId,
        serviceKeyVersion,
      }),
    )
  }

  async #rewrap(tenantId: string, name: string, envelope: Uint8Array, call: HostCall): Promise<WrappedDataKey> {
    const { dataKeyId, plaintext, tenantKeys } = await this.#open(tenantId, name, envelope, call)
    try {
      const rewrapped = await this.#serviceKeys.useNewest(tenantId, name, call, (parent) => {
        assertServiceKey("encrypt", parent)
        return this.#wrapUnder(parent, dataKeyId, plaintext)
      })
      return { ...rewrapped, tenantKeys: [...tenantKeys, ...rewrapped.tenantKeys] }
    } finally {
      plaintext.fill(0)
    }
  }

  #wrapUnder(parent: LoadedServiceKey, dataKeyId: string, plaintext: Uint8Array): WrappedDataKey {
    const envelope = wrapKey(parent.key, headerUnder(parent, dataKeyId), plaintext, this.#publicRandom)
    return { ...handledUnder(parent, dataKeyId, plaintext), envelope }
  }

  async #open(tenantId: string, name: string, bytes: Uint8Array, call: HostCall): Promise<HandledDataKey> {
    const envelope = decodeEnvelope(bytes)
    const other = await this.#serviceKeys.useNewest(tenantId, name, call, (newest) => {
      const { serviceKeyId, version } = newest.record
      const named = envelope?.header
      // Another version of this very key opens what it wrapped, even one that another replica has just made. Anything else
      // is refused below, with the same work as an altered envelope.
      return named?.parentKeyId === serviceKeyId && named.parentKeyVersion !== version
        ? { tenantId, serviceKeyId, version: named.parentKeyVersion }
        : openUnder(newest, envelope)
    })
    if ("plaintext" in other) return other
    return this.#serviceKeys.useVersion(other, call, (parent) => openUnder(parent, envelope))
  }

  /**
   * Does the work, and makes its answer only once its audit entry is durable.
   *
   * @param result - builds the result of the answer
   */
  async #audited<T extends HandledDataKey, Result>(
    { action, tenantId, name, call }: AuditedCall,
    work: () => T | Promise<T>,
    result: (done: T, auditEntryId: string) => Result,
  ): Promise<LeasedAnswer<Result>> {
    const event = eventOf(action, tenantId, call)
    let done: T
    try {
      throwIfAborted(call.signal)
      done = await work()
    } catch (error) {
      // A name can be anything until it is found, so the entry does not repeat it.
      await this.#audit.record({
        ...event,
        ...failureOf(error),
        resource: { type: "serviceKey", id: isServiceKeyName(name) ? name : "invalid" },
      })
      throw error
    }
    const about = {
      ...event,
      resource: { type: "dataKey", id: done.dataKeyId },
      facts: { service_key: name, service_key_version: done.serviceKeyVersion },
    } as const
    try {
      const { entryId } = await this.#audit.record({ ...about, outcome: "success" })
      return new LeasedAnswer({
        read: () => result(done, entryId),
        plaintext: done.plaintext,
        holds: () => this.#serviceKeys.areLeased(done.tenantKeys),
        recordRefusal: (refusal) =>
          this.#audit.record({
            ...about,
            ...failureOf(refusal),
            facts: { ...about.facts, refused_entry_id: entryId },
          }),
      })
    } catch (error) {
      done.plaintext.fill(0)
      throw error
    }
  }
}

/** The call that an audit entry is about. */
interface AuditedCall {
  readonly action: AuditAction
  readonly tenantId: string
  readonly name: string
  readonly call: HostCall
}

/** A data key has one version: another version would be another data key. */
const dataKeyVersion = 1

function headerUnder({ record }: LoadedServiceKey, dataKeyId: string) {
  return {
    kind: "dataKey",
    tenantId: record.tenantId,
    keyId: dataKeyId,
    keyVersion: dataKeyVersion,
    parentKeyId: record.serviceKeyId,
    parentKeyVersion: record.version,
  } as const
}

function openUnder(parent: LoadedServiceKey, envelope: Envelope | undefined): HandledDataKey {
  assertServiceKey("decrypt", parent)
  const dataKeyId = envelope?.header.keyId ?? "none"
  const plaintext = unwrapKey(parent.key, headerUnder(parent, dataKeyId), envelope)
  return handledUnder(parent, dataKeyId, plaintext)
}

function handledUnder(parent: LoadedServiceKey, dataKeyId: string, plaintext: Uint8Array): HandledDataKey {
  const { record, lease } = parent
  return { dataKeyId, serviceKeyVersion: record.version, plaintext, tenantKeys: [lease.terms.name] }
}

function assertServiceKey(use: KeyUse, { record, lease }: LoadedServiceKey): void {
  assertUse(use, `Service key ${record.name}`, [record.state, lease.terms.state])
}
