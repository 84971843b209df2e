import type { AuditRecorder, HostCall } from "@apeiro-cmk/audit-log"
import { type Clock, isCodedError, type JsonValue, type KeystoreProviderV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { createAuditTrail, type KeystoreAct } from "../audit-trail.ts"
import { pluginFor, readDocument } from "../document.ts"
import { hasCode, keystoreNotFound, managerError } from "../errors.ts"
import type { KeystoreManager } from "../manager.ts"
import type { KeystorePluginCatalog } from "../ports.ts"
import type { PlatformKeystoreRecord, PlatformKeystoreRepository, PlatformKeystoreTarget } from "./platform-records.ts"
import { createPlatformWork } from "./platform-work.ts"

/** One run of the work on a platform keystore. */
export interface PlatformJob {
  readonly jobId: string
  readonly payload: JsonValue
  readonly attempt: number
  readonly signal: AbortSignal
}

/** The queue, as far as platform keystores need it: at least once, one live job for each key. */
export interface PlatformJobQueue {
  enqueue(name: string, payload: JsonValue, options: { readonly key: string }): Promise<unknown>
  work(name: string, handler: (job: PlatformJob) => Promise<void>): Promise<{ stop(): Promise<void> }>
}

/** What {@link createPlatformKeystores} is made of. */
export interface PlatformKeystoresOptions {
  readonly catalog: KeystorePluginCatalog
  readonly repository: PlatformKeystoreRepository
  readonly manager: Pick<KeystoreManager, "add" | "get" | "remove">
  readonly jobs: PlatformJobQueue
  /** Runs of a job before the queue gives it up. */
  readonly maximumAttempts: number
  readonly audit: AuditRecorder
  readonly clock: Clock
}

/**
 * Keystores that the platform makes for tenants on its own server (FR-3.2). Making and removing is work for a job, which
 * goes on after a crash; what a tenant gets in the end is an ordinary keystore, inactive, to test and activate.
 */
export interface PlatformKeystores {
  /**
   * Asks for a keystore. One that failed is tried anew.
   *
   * @param document - `{plugin_type, plugin_name}`
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, PLUGIN_TYPE_UNKNOWN, KEYSTORE_EXISTS
   * @throws {PluginError} UNSUPPORTED - the plugin has no server of the platform
   * @throws {PersistenceError} NOT_FOUND - there is no such tenant
   */
  request(
    tenantId: string,
    document: { readonly plugin_type: string; readonly plugin_name: string },
    call: HostCall,
  ): Promise<PlatformKeystoreRecord>
  /** By tenant and id. */
  list(): Promise<readonly PlatformKeystoreRecord[]>
  /** @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND */
  get(target: PlatformKeystoreTarget): Promise<PlatformKeystoreRecord>
  /**
   * Removes the tenant's keystore at once, and asks for the removal of what is on the server, its L1 key included.
   * @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND
   * @throws {KeystoreManagerError} KEYSTORE_IN_USE - it wraps a tenant key
   */
  remove(target: PlatformKeystoreTarget, call: HostCall): Promise<PlatformKeystoreRecord>
  /** Begins to work on what is asked for, and on what a host that is gone has left. @returns what ends it */
  start(): Promise<() => Promise<void>>
}

const jobName = "platform-keystore"

/** Makes them; no work is done before `start`. */
export function createPlatformKeystores(options: PlatformKeystoresOptions): PlatformKeystores {
  const { catalog, repository, manager, jobs, audit, clock } = options
  const trail = createAuditTrail(audit)
  const work = createPlatformWork({ ...options, trail, providerOf })

  function providerOf(pluginType: string): KeystoreProviderV1 {
    const { provider } = pluginFor(catalog, pluginType).instance
    if (provider !== undefined) return provider
    throw pluginError(
      "UNSUPPORTED",
      `The plugin ${pluginType} makes no keystores here: it has no server of the platform.`,
      "Have the operator configure one, as docs/guides/platform-openbao.md says, or connect a keystore of your own.",
    )
  }

  const get = async (target: PlatformKeystoreTarget): Promise<PlatformKeystoreRecord> => {
    const record = await repository.platformKeystore(target)
    if (record === undefined) throw keystoreNotFound(target.keystoreId)
    return record
  }

  const enqueue = async ({ tenantId, keystoreId }: PlatformKeystoreTarget): Promise<void> => {
    await jobs.enqueue(jobName, { tenantId, keystoreId }, { key: `${tenantId}/${keystoreId}` })
  }

  return {
    async request(tenantId, document, call) {
      const { plugin_type: pluginType, plugin_name: keystoreId } = readDocument({ ...document, configuration: {} })
      providerOf(pluginType)
      const target = { tenantId, keystoreId }
      if ((await repository.platformKeystore(target)) === undefined && (await isTaken(target))) throw exists(keystoreId)
      const nowMs = clock.nowMs()
      const record: PlatformKeystoreRecord = {
        ...{ tenantId, keystoreId, pluginType, state: "pending", requestedBy: call.actor },
        ...{ requestedAtMs: nowMs, updatedAtMs: nowMs },
      }
      const act: KeystoreAct = { action: "keystoreProvisionRequest", ...target, facts: { plugin_type: pluginType } }
      await repository.insertPlatformKeystore(record, [trail.success(act, call)]).catch((error: unknown) => {
        throw hasCode(error, "ALREADY_EXISTS") ? exists(keystoreId) : error
      })
      await enqueue(target)
      return record
    },
    list: () => repository.platformKeystores(),
    get,
    async remove(target, call) {
      const record = await get(target)
      await work.removeFromTenant(record, call)
      const change = { state: "removing", requestedBy: call.actor, updatedAtMs: clock.nowMs() } as const
      const entry = trail.success({ action: "keystoreRemovalRequest", ...target }, call)
      if (!(await repository.changePlatformKeystore(target, record.state, change, [entry]))) {
        // Its job was quicker: what it has become is for the caller to see.
        return get(target)
      }
      await enqueue(target)
      return { ...record, ...change }
    },
    async start() {
      // Without a server of the platform there is nothing to do, and no reason to start a queue.
      const isOffered = catalog.keystorePluginTypes().some((type) => catalog.keystorePlugin(type)?.instance.provider)
      if (!isOffered) return async () => undefined
      const worker = await jobs.work(jobName, work.run)
      for (const record of await repository.platformKeystores()) {
        if (record.state === "pending" || record.state === "removing") await enqueue(record)
      }
      return () => worker.stop()
    },
  }

  async function isTaken({ tenantId, keystoreId }: PlatformKeystoreTarget): Promise<boolean> {
    try {
      await manager.get(tenantId, keystoreId)
      return true
    } catch (error) {
      if (isCodedError(error) && error.code === "KEYSTORE_NOT_FOUND") return false
      throw error
    }
  }
}

function exists(keystoreId: string) {
  return managerError("KEYSTORE_EXISTS", `There is a keystore "${keystoreId}" already.`)
}
