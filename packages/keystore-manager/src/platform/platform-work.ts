import { isDeepStrictEqual } from "node:util"
import type { HostCall } from "@apeiro-cmk/audit-log"
import {
  type Clock,
  isCodedError,
  type KeystoreConfigurationDocument,
  type KeystoreProviderV1,
  type ProvidedKeystore,
} from "@apeiro-cmk/plugin-interface"
import { abortable, callOptions } from "@apeiro-cmk/plugin-sdk"
import type { AuditTrail, KeystoreAct } from "../audit-trail.ts"
import { asCodedError } from "../call-policy.ts"
import { pluginFor } from "../document.ts"
import { hasCode, managerError } from "../errors.ts"
import type { KeystoreManager } from "../manager.ts"
import type { KeystorePluginCatalog } from "../ports.ts"
import type { KeystoreRecord } from "../records.ts"
import type { PlatformJob } from "./platform-keystores.ts"
import type { PlatformKeystoreRecord, PlatformKeystoreRepository, PlatformKeystoreTarget } from "./platform-records.ts"

interface WorkTools {
  readonly catalog: KeystorePluginCatalog
  readonly repository: PlatformKeystoreRepository
  readonly manager: Pick<KeystoreManager, "add" | "get" | "remove">
  readonly providerOf: (pluginType: string) => KeystoreProviderV1
  readonly maximumAttempts: number
  readonly trail: AuditTrail
  readonly clock: Clock
}

/** What is done about a platform keystore. */
export interface PlatformWork {
  /** Brings a platform keystore to the state that was asked for. Rejects when it is to be run again. */
  run(job: PlatformJob): Promise<void>
  /**
   * Removes the tenant's keystore, unless it is another one of the same name.
   * @throws {KeystoreManagerError} KEYSTORE_IN_USE
   */
  removeFromTenant(record: PlatformKeystoreRecord, call: HostCall): Promise<void>
}

/** Longest time for all requests to the server in one run, in milliseconds. */
const serverTimeoutMs = 60_000

export function createPlatformWork(tools: WorkTools): PlatformWork {
  const { catalog, repository, manager, providerOf, maximumAttempts, trail, clock } = tools

  async function provision(record: PlatformKeystoreRecord, call: HostCall): Promise<void> {
    const { tenantId, keystoreId, pluginType } = record
    const provider = providerOf(pluginType)
    const provided = await abortable(provider.createKeystore({ keystoreId }, call), call.signal)
    const { configuration } = provided
    // Where it is must be known before the tenant has it: a removal in between takes the right one.
    const isWanted = await repository.changePlatformKeystore(
      record,
      "pending",
      here({ state: "pending", configuration }),
      [],
    )
    if (!isWanted) return
    await hand(record, provided, call)
    const act: KeystoreAct = { action: "keystoreProvision", tenantId, keystoreId, facts: { plugin_type: pluginType } }
    await repository.changePlatformKeystore(record, "pending", here({ state: "ready" }), [trail.success(act, call)])
  }

  /** Gives the tenant the keystore; a run before this one may have done it. */
  async function hand(record: PlatformKeystoreRecord, provided: ProvidedKeystore, call: HostCall): Promise<void> {
    const { tenantId, keystoreId, pluginType } = record
    const { configuration } = provided
    const document = {
      plugin_type: pluginType,
      plugin_name: keystoreId,
      configuration: { ...configuration, ...asText(provided.secrets) },
    }
    try {
      await manager.add(tenantId, document, call)
    } catch (error) {
      if (!hasCode(error, "KEYSTORE_EXISTS")) throw error
      const stored = await manager.get(tenantId, keystoreId)
      if (!isSameKey(stored, pluginType, configuration)) throw error
    } finally {
      for (const secret of Object.values(provided.secrets)) secret.fill(0)
    }
  }

  async function removeFromTenant(record: PlatformKeystoreRecord, call: HostCall): Promise<void> {
    const { tenantId, keystoreId, pluginType, configuration } = record
    if (configuration === undefined) return
    try {
      const stored = await manager.get(tenantId, keystoreId)
      if (isSameKey(stored, pluginType, configuration)) await manager.remove(tenantId, keystoreId, stored, call)
    } catch (error) {
      if (!hasCode(error, "KEYSTORE_NOT_FOUND")) throw error
    }
  }

  async function removal(record: PlatformKeystoreRecord, call: HostCall): Promise<void> {
    const { tenantId, keystoreId, pluginType } = record
    const provider = providerOf(pluginType)
    await removeFromTenant(record, call)
    await abortable(provider.deleteKeystore({ keystoreId }, call), call.signal)
    const act: KeystoreAct = { action: "keystoreRemoval", tenantId, keystoreId, facts: { plugin_type: pluginType } }
    await repository.deletePlatformKeystore(record, [trail.success(act, call)])
  }

  /** Notes why it failed. @returns whether it is to be run again */
  async function fail(record: PlatformKeystoreRecord, job: PlatformJob, thrown: unknown): Promise<boolean> {
    const error = asCodedError(thrown)
    if (!isCodedError(error)) throw error
    const { code, origin, message, nextStep, retryable } = error
    const isLast = !retryable || job.attempt >= maximumAttempts
    const state = record.state === "pending" && isLast ? "failed" : record.state
    const { tenantId, keystoreId } = record
    const action = record.state === "pending" ? "keystoreProvision" : "keystoreRemoval"
    const act: KeystoreAct = { action, tenantId, keystoreId, facts: { attempt: job.attempt } }
    await trail.record(act, { code, error }, hostCall(record, job))
    const failure = { code, origin, message, nextStep }
    await repository.changePlatformKeystore(record, record.state, here({ state, failure }), [])
    return !isLast
  }

  function hostCall({ tenantId, requestedBy: actor }: PlatformKeystoreRecord, { jobId, signal }: PlatformJob) {
    return { ...callOptions({ tenantId, requestId: jobId, timeoutMs: serverTimeoutMs, signal, clock }), actor }
  }

  function here<T>(change: T): T & { readonly updatedAtMs: number } {
    return { ...change, updatedAtMs: clock.nowMs() }
  }

  function isSameKey(
    stored: KeystoreRecord,
    pluginType: string,
    configuration: KeystoreConfigurationDocument,
  ): boolean {
    const { identityFields } = pluginFor(catalog, pluginType).definition.manifest
    return (
      stored.pluginType === pluginType &&
      identityFields.every((name) => isDeepStrictEqual(stored.configuration[name], configuration[name]))
    )
  }

  return {
    removeFromTenant,
    async run(job) {
      // What is asked for may change while the work goes on: it ends when nothing is left to do.
      for (;;) {
        const record = await repository.platformKeystore(targetOf(job))
        if (record?.state !== "pending" && record?.state !== "removing") return
        const call = hostCall(record, job)
        try {
          await (record.state === "pending" ? provision(record, call) : removal(record, call))
        } catch (error) {
          if (await fail(record, job, error)) throw error
          return
        } finally {
          call.dispose()
        }
      }
    },
  }
}

function targetOf({ payload }: PlatformJob): PlatformKeystoreTarget {
  if (typeof payload === "object" && payload !== null && "tenantId" in payload && "keystoreId" in payload) {
    const { tenantId, keystoreId } = payload
    if (typeof tenantId === "string" && typeof keystoreId === "string") return { tenantId, keystoreId }
  }
  throw managerError("CONFIGURATION_INVALID", "A job for a platform keystore names none.", { origin: "host" })
}

/** A document holds text; the store seals it from bytes. */
function asText(secrets: ProvidedKeystore["secrets"]): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]))
}
