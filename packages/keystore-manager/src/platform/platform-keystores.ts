import type { AuditRecorder } from "@apeiro-cmk/audit-log"
import type { HostCall, Page } from "@apeiro-cmk/host-call"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { AuditTrail, type KeystoreAct } from "../audit-trail.ts"
import { readDocument } from "../document.ts"
import { hasCode, keystoreNotFound, managerError } from "../errors.ts"
import type { KeystoreManager } from "../keystore-manager.ts"
import type { CredentialPort, KeystorePluginCatalog, KeystoreRepository } from "../ports.ts"
import type { PlatformJobQueue } from "./platform-jobs.ts"
import type { PlatformKeystoreRecord, PlatformKeystoreRepository, PlatformKeystoreTarget } from "./platform-records.ts"
import { PlatformWork } from "./platform-work.ts"
import { providerOf } from "./provider-of.ts"
import { RemovalProof } from "./removal-proof.ts"

/** Options of {@link PlatformKeystores}. */
export interface PlatformKeystoresOptions {
  readonly catalog: KeystorePluginCatalog
  readonly repository: PlatformKeystoreRepository
  /** Searched, before a removal, for keystores that use the key. */
  readonly keystores: Pick<KeystoreRepository, "keystoresOfType">
  readonly credentials: CredentialPort
  readonly manager: Pick<KeystoreManager, "add" | "caller" | "get" | "remove">
  readonly jobs: PlatformJobQueue
  /** Runs of a job before the queue gives it up. */
  readonly maximumAttempts: number
  readonly audit: AuditRecorder
  readonly clock: Clock
}

const jobName = "platform-keystore"

/**
 * Makes keystores for tenants on the platform's own server (FR-3.2). A job makes and removes them, and continues after a
 * crash. The tenant gets an ordinary keystore, inactive, to test and activate.
 */
export class PlatformKeystores {
  readonly #options: PlatformKeystoresOptions
  readonly #trail: AuditTrail
  readonly #proof: RemovalProof
  readonly #work: PlatformWork

  /** Does no work before {@link start}. */
  constructor(options: PlatformKeystoresOptions) {
    this.#options = options
    this.#trail = new AuditTrail(options.audit)
    this.#proof = new RemovalProof(options)
    this.#work = new PlatformWork({ ...options, proof: this.#proof, trail: this.#trail })
  }

  /**
   * Requests a keystore. One that failed is tried again.
   *
   * @param document - `{plugin_type, plugin_name}`
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, PLUGIN_TYPE_UNKNOWN, KEYSTORE_EXISTS
   * @throws {PluginError} UNSUPPORTED - the platform has no server for the plugin
   * @throws {CodedError} NOT_FOUND - there is no such tenant
   */
  async request(
    tenantId: string,
    document: { readonly plugin_type: string; readonly plugin_name: string },
    call: HostCall,
  ): Promise<PlatformKeystoreRecord> {
    const { catalog, clock, repository } = this.#options
    const { plugin_type: pluginType, plugin_name: keystoreId } = readDocument({ ...document, configuration: {} })
    providerOf(catalog, pluginType)
    const target = { tenantId, keystoreId }
    const present = await repository.platformKeystore(target)
    if (present === undefined && (await this.#isTaken(target))) throw exists(keystoreId)
    const nowMs = clock.nowMs()
    const record: PlatformKeystoreRecord = {
      ...{ tenantId, keystoreId, pluginType, state: "pending", requestedBy: call.actor },
      ...{ requestedAtMs: nowMs, updatedAtMs: nowMs },
    }
    const act: KeystoreAct = { action: "keystoreProvisionRequest", ...target, facts: { plugin_type: pluginType } }
    await repository.insertPlatformKeystore(record, [this.#trail.success(act, call)]).catch((error: unknown) => {
      throw hasCode(error, "ALREADY_EXISTS") ? exists(keystoreId) : error
    })
    await this.#enqueue(target)
    return record
  }

  /** Lists the platform keystores, by tenant and id. */
  list(page: Page<readonly [tenantId: string, keystoreId: string]>): Promise<readonly PlatformKeystoreRecord[]> {
    return this.#options.repository.platformKeystores(page)
  }

  /** Reads a platform keystore. @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND */
  async get(target: PlatformKeystoreTarget): Promise<PlatformKeystoreRecord> {
    const record = await this.#options.repository.platformKeystore(target)
    if (record === undefined) throw keystoreNotFound(target.keystoreId)
    return record
  }

  /**
   * Removes the tenant's keystore at once, and requests the removal of what is on the server, its L1 key included. Refused
   * unless that key is proved to be unused.
   * @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND
   * @throws {KeystoreManagerError} KEYSTORE_IN_USE - a tenant has claimed the key, wrapped with it or configured it
   * @throws {PluginError} the server cannot be asked which key it is
   */
  async remove(target: PlatformKeystoreTarget, call: HostCall): Promise<PlatformKeystoreRecord> {
    const { clock } = this.#options
    const record = await this.get(target)
    const act: KeystoreAct = { action: "keystoreRemovalRequest", ...target }
    const change = { requestedBy: call.actor, updatedAtMs: clock.nowMs() }
    const isBegun = await this.#trail.attempt(act, call, async () => {
      const removal = await this.#proof.require(record, { ...call, ...target })
      return this.#proof.begin(record, removal, change, [this.#trail.success(act, call)])
    })
    // Its job was quicker: the caller sees what has become of it.
    if (!isBegun) return this.get(target)
    await this.#work.removeFromTenant(record, call)
    await this.#enqueue(target)
    const { failure: _, ...kept } = record
    return { ...kept, ...change, state: "removing" }
  }

  /** Starts working on requests, and on what a host that is gone has left. @returns a function that stops the work */
  async start(): Promise<() => Promise<void>> {
    const { catalog, jobs, repository } = this.#options
    // Without a server of the platform there is nothing to do, and no reason to start a queue.
    const isOffered = catalog.keystorePluginTypes().some((type) => catalog.keystorePlugin(type)?.instance.provider)
    if (!isOffered) return async () => undefined
    const worker = await jobs.work(jobName, (job) => this.#work.run(job))
    for await (const record of everyRecord(repository)) {
      if (record.state === "pending" || record.state === "removing") await this.#enqueue(record)
    }
    return () => worker.stop()
  }

  async #enqueue({ tenantId, keystoreId }: PlatformKeystoreTarget): Promise<void> {
    await this.#options.jobs.enqueue(jobName, { tenantId, keystoreId }, { key: `${tenantId}/${keystoreId}` })
  }

  async #isTaken({ tenantId, keystoreId }: PlatformKeystoreTarget): Promise<boolean> {
    try {
      await this.#options.manager.get(tenantId, keystoreId)
      return true
    } catch (error) {
      if (hasCode(error, "KEYSTORE_NOT_FOUND")) return false
      throw error
    }
  }
}

/** Number of records that are read at once. */
const readAtOnce = 500

async function* everyRecord(repository: PlatformKeystoreRepository): AsyncGenerator<PlatformKeystoreRecord> {
  let page: readonly PlatformKeystoreRecord[] = await repository.platformKeystores({ limit: readAtOnce })
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    yield* page
    page = await repository.platformKeystores({ after: [last.tenantId, last.keystoreId], limit: readAtOnce })
  }
}

function exists(keystoreId: string) {
  return managerError("KEYSTORE_EXISTS", `The tenant already has a keystore "${keystoreId}".`)
}
