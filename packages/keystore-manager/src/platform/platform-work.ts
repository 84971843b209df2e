import { failureOf, type HostCall, timeBudgets } from "@apeiro-cmk/host-call"
import type { Clock, ProvidedKeystore } from "@apeiro-cmk/plugin-interface"
import { callOptions, type RunningCall } from "@apeiro-cmk/plugin-sdk"
import type { AuditTrail, KeystoreAct } from "../audit-trail.ts"
import { hasCode, managerError } from "../errors.ts"
import type { KeystoreManager } from "../keystore-manager.ts"
import type { KeystorePluginCatalog } from "../ports.ts"
import { asCodedError } from "../undeclared-error.ts"
import type { PlatformJob } from "./platform-jobs.ts"
import type {
  PlatformKeystoreChange,
  PlatformKeystoreRecord,
  PlatformKeystoreRepository,
  PlatformKeystoreTarget,
} from "./platform-records.ts"
import { providerOf } from "./provider-of.ts"
import type { RemovalProof } from "./removal-proof.ts"

/** Services that the work uses. */
interface WorkServices {
  readonly catalog: KeystorePluginCatalog
  readonly repository: PlatformKeystoreRepository
  readonly manager: Pick<KeystoreManager, "add" | "caller" | "get" | "remove">
  readonly maximumAttempts: number
  readonly proof: RemovalProof
  readonly trail: AuditTrail
  readonly clock: Clock
}

const serverLimits = { limitMs: timeBudgets.platformServer.limitMs }

/** Makes and removes platform keystores. */
export class PlatformWork {
  readonly #services: WorkServices

  constructor(services: WorkServices) {
    this.#services = services
  }

  /** Brings a platform keystore to the state that was requested. Rejects when it must run again. */
  async run(job: PlatformJob): Promise<void> {
    // The request may change while the work is running: it ends when nothing is left to do.
    for (;;) {
      const record = await this.#services.repository.platformKeystore(targetOf(job))
      if (record?.state !== "pending" && record?.state !== "removing") return
      const call = this.#hostCall(record, job)
      try {
        await (record.state === "pending" ? this.#provision(record, call) : this.#removal(record, call))
      } catch (error) {
        if (await this.#fail(record, job, error)) throw error
        return
      } finally {
        call.dispose()
      }
    }
  }

  /**
   * Removes the tenant's keystore, unless it is another one of the same name.
   * @throws {KeystoreManagerError} KEYSTORE_IN_USE
   */
  async removeFromTenant(record: PlatformKeystoreRecord, call: HostCall): Promise<void> {
    const { manager, proof } = this.#services
    const { tenantId, keystoreId } = record
    try {
      const stored = await manager.get(tenantId, keystoreId)
      if (proof.isNamedBy(record, stored)) await manager.remove(tenantId, keystoreId, stored, call)
    } catch (error) {
      if (!hasCode(error, "KEYSTORE_NOT_FOUND")) throw error
    }
  }

  async #provision(record: PlatformKeystoreRecord, call: HostCall): Promise<void> {
    const { catalog, manager, repository, trail } = this.#services
    const { tenantId, keystoreId, pluginType } = record
    const provider = providerOf(catalog, pluginType)
    const provided = await manager.caller.call(
      undefined,
      call,
      (options) => provider.createKeystore({ keystoreId }, options),
      serverLimits,
    )
    const { configuration } = provided
    // Stored before the tenant has the keystore, so that a removal meanwhile takes the right one.
    const located = this.#now({ state: "pending", configuration })
    if (!(await repository.changePlatformKeystore(record, "pending", located, []))) return
    await this.#hand({ ...record, configuration }, provided, call)
    const act: KeystoreAct = { action: "keystoreProvision", tenantId, keystoreId, facts: { plugin_type: pluginType } }
    const ready = this.#now({ state: "ready" })
    await repository.changePlatformKeystore(record, "pending", ready, [trail.success(act, call)])
  }

  /** Hands the keystore to the tenant; an earlier run may have done it already. */
  async #hand(record: PlatformKeystoreRecord, provided: ProvidedKeystore, call: HostCall): Promise<void> {
    const { manager, proof } = this.#services
    const { tenantId, keystoreId, pluginType } = record
    const document = {
      plugin_type: pluginType,
      plugin_name: keystoreId,
      configuration: { ...provided.configuration, ...asText(provided.secrets) },
    }
    try {
      await manager.add(tenantId, document, call)
    } catch (error) {
      if (!hasCode(error, "KEYSTORE_EXISTS")) throw error
      if (!proof.isNamedBy(record, await manager.get(tenantId, keystoreId))) throw error
    } finally {
      for (const secret of Object.values(provided.secrets)) secret.fill(0)
    }
  }

  async #removal(record: PlatformKeystoreRecord, call: HostCall): Promise<void> {
    const { catalog, manager, proof, repository, trail } = this.#services
    const { tenantId, keystoreId, pluginType } = record
    const provider = providerOf(catalog, pluginType)
    // Again, directly before the removal: an earlier version asked for it without a proof.
    const removal = await proof.require(record, call)
    if (!(await proof.begin(record, removal, { updatedAtMs: this.#services.clock.nowMs() }, []))) return
    await this.removeFromTenant(record, call)
    await manager.caller.call(
      undefined,
      call,
      (options) => provider.deleteKeystore({ keystoreId }, options),
      serverLimits,
    )
    const act: KeystoreAct = { action: "keystoreRemoval", tenantId, keystoreId, facts: { plugin_type: pluginType } }
    await repository.deletePlatformKeystore(record, removal, [trail.success(act, call)])
  }

  /** Notes why a run failed. @returns whether it must run again */
  async #fail(record: PlatformKeystoreRecord, job: PlatformJob, thrown: unknown): Promise<boolean> {
    const { maximumAttempts, repository, trail } = this.#services
    const error = asCodedError(thrown)
    const { code, origin, message, nextStep, retryable } = error
    const isLast = !retryable || job.attempt >= maximumAttempts
    const state = record.state === "pending" && isLast ? "failed" : record.state
    const { tenantId, keystoreId } = record
    const action = record.state === "pending" ? "keystoreProvision" : "keystoreRemoval"
    const act: KeystoreAct = { action, tenantId, keystoreId, facts: { attempt: job.attempt } }
    const call = this.#hostCall(record, job)
    await trail.record(act, failureOf(error), call).finally(() => call.dispose())
    const failure = { code, origin, message, nextStep }
    await repository.changePlatformKeystore(record, record.state, this.#now({ state, failure }), [])
    return !isLast
  }

  #hostCall(record: PlatformKeystoreRecord, { jobId, signal }: PlatformJob): HostCall & RunningCall {
    const { tenantId, keystoreId, requestedBy: actor } = record
    const timeoutMs = timeBudgets.platformJob.limitMs
    const { clock } = this.#services
    return { ...callOptions({ tenantId, keystoreId, requestId: jobId, timeoutMs, signal, clock }), actor }
  }

  #now(change: Omit<PlatformKeystoreChange, "updatedAtMs">): PlatformKeystoreChange {
    return { ...change, updatedAtMs: this.#services.clock.nowMs() }
  }
}

function targetOf({ payload }: PlatformJob): PlatformKeystoreTarget {
  if (typeof payload === "object" && payload !== null && "tenantId" in payload && "keystoreId" in payload) {
    const { tenantId, keystoreId } = payload
    if (typeof tenantId === "string" && typeof keystoreId === "string") return { tenantId, keystoreId }
  }
  throw managerError("CONFIGURATION_INVALID", "The job does not name a platform keystore.", { origin: "host" })
}

/** A document holds text; the credential store seals it from bytes. */
function asText(secrets: ProvidedKeystore["secrets"]): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]))
}
