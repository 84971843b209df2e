import type { KeyObject } from "node:crypto"
import { type HostCall, timeBudgets } from "@apeiro-cmk/host-call"
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { sharedCall } from "./abort.ts"
import type { TenantKeyName } from "./commitment.ts"
import { ciphertextRejected, KeyHierarchyError } from "./error.ts"
import { Flights } from "./flights.ts"
import { assertUse } from "./key-states.ts"
import { type Lease, leaseEnded } from "./lease.ts"
import type { ServiceKeyRecord } from "./records.ts"
import { openServiceKey } from "./service-key-opener.ts"
import { closedError, type LeaseServices, type TenantKeyLeases } from "./tenant-key-leases.ts"

/** A service key in memory. It is dropped when the lease of its tenant key ends. */
export interface LoadedServiceKey {
  readonly record: ServiceKeyRecord
  readonly key: KeyObject
  readonly lease: Lease
}

/** Attempts of one call to find the key in memory: a lease can end between loading and use. */
const maximumAttempts = 3

/** Holds the service keys in memory, each under the lease of its tenant key. */
export class ServiceKeys {
  readonly #services: LeaseServices
  readonly #leases: TenantKeyLeases
  readonly #flights = new Flights()
  readonly #loaded = new Map<string, LoadedServiceKey>()
  readonly #closing = new AbortController()

  constructor(services: LeaseServices, leases: TenantKeyLeases) {
    this.#services = services
    this.#leases = leases
  }

  /**
   * Works with the newest version of a service key.
   *
   * @param work - synchronous, so that the lease cannot end while it runs
   * @throws {KeyHierarchyError} SERVICE_KEY_NOT_FOUND, SERVICE_KEY_UNREADABLE, TENANT_KEY_MISSING, KEY_STATE_FORBIDS
   * @throws {PluginError} L1 was asked, and refused or did not answer
   */
  useNewest<T>(tenantId: string, name: string, call: HostCall, work: (key: LoadedServiceKey) => T): T | Promise<T> {
    return this.#use(`name ${tenantId}/${name}`, call, work, async () => {
      const record = await this.#services.keys.serviceKeyByName(tenantId, name)
      if (record === undefined) throw serviceKeyNotFound()
      return record
    })
  }

  /**
   * Works with the version of a service key that an envelope names.
   *
   * @throws {KeyHierarchyError} CIPHERTEXT_REJECTED - there is no such version; otherwise as {@link useNewest}
   */
  useVersion<T>(
    version: Pick<ServiceKeyRecord, "tenantId" | "serviceKeyId" | "version">,
    call: HostCall,
    work: (key: LoadedServiceKey) => T,
  ): T | Promise<T> {
    const { tenantId, serviceKeyId } = version
    return this.#use(`version ${tenantId}/${serviceKeyId}/${version.version}`, call, work, async () => {
      const record = await this.#services.keys.serviceKey(tenantId, serviceKeyId, version.version)
      if (record === undefined) throw ciphertextRejected()
      return record
    })
  }

  /** Tells whether each of these tenant keys is leased at this moment. */
  areLeased(tenantKeys: readonly TenantKeyName[]): boolean {
    return tenantKeys.every((name) => this.#leases.holds(name))
  }

  /** Releases the waiters. The keys end with their leases. */
  async close(): Promise<void> {
    this.#closing.abort(closedError())
    await this.#flights.settled()
  }

  /** Answers without a promise where the key is in memory, as it is for nearly every call. */
  #use<T>(
    id: string,
    call: HostCall,
    work: (key: LoadedServiceKey) => T,
    find: () => Promise<ServiceKeyRecord>,
  ): T | Promise<T> {
    const loaded = this.#inMemory(id, call)
    return loaded === undefined ? this.#loadAndUse(id, call, work, find) : work(loaded)
  }

  async #loadAndUse<T>(
    id: string,
    call: HostCall,
    work: (key: LoadedServiceKey) => T,
    find: () => Promise<ServiceKeyRecord>,
  ): Promise<T> {
    for (let attempts = 0; attempts < maximumAttempts; attempts += 1) {
      await this.#flights.join(id, call.signal, () => this.#load(id, call, find))
      const loaded = this.#inMemory(id, call)
      if (loaded !== undefined) return work(loaded)
    }
    throw leaseEnded()
  }

  #inMemory(id: string, call: HostCall): LoadedServiceKey | undefined {
    const loaded = this.#loaded.get(id)
    return loaded !== undefined && this.#leases.keepAlive(loaded.lease, call) ? loaded : undefined
  }

  async #load(id: string, cause: HostCall, find: () => Promise<ServiceKeyRecord>): Promise<void> {
    const record = await find()
    assertUse("decrypt", `Service key ${record.name}`, [record.state])
    const { tenantId, parentKeyId, parentKeyVersion } = record
    const { call, done } = sharedCall(
      cause,
      timeBudgets.serviceKeyLoad.limitMs,
      this.#services.clock,
      this.#closing.signal,
    )
    try {
      const name = { tenantId, keyId: parentKeyId, version: parentKeyVersion }
      await this.#leases.use(name, call, (lease) => {
        const loaded = { record, key: this.#open(record, lease), lease }
        this.#loaded.set(id, loaded)
        lease.onEnd(() => {
          if (this.#loaded.get(id) === loaded) this.#loaded.delete(id)
        })
      })
    } finally {
      done()
    }
  }

  #open(record: ServiceKeyRecord, lease: Lease): KeyObject {
    const { tenantId, serviceKeyId, version } = record
    try {
      return openServiceKey(lease.use(), record)
    } catch (error) {
      if (isCodedError(error) && error.code === "SERVICE_KEY_UNREADABLE") {
        this.#services.logger.error("a stored service key does not open", { tenantId, serviceKeyId, version })
      }
      throw error
    }
  }
}

function serviceKeyNotFound(): KeyHierarchyError {
  return new KeyHierarchyError("SERVICE_KEY_NOT_FOUND", "The tenant has no such service key.", {
    origin: "caller",
    retryable: false,
    nextStep: "Create the service key first, or check its name.",
  })
}
