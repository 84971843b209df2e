import { randomBytes } from "node:crypto"
import type { AuditRecorder, HostCall } from "@apeiro-cmk/audit-log"
import type { L1Port, PreparedTenantKey } from "@apeiro-cmk/key-hierarchy"
import type { Clock, ConnectionStep, Logger, RandomSource, SetupDocument } from "@apeiro-cmk/plugin-interface"
import { type ActivationAnswer, createActivation } from "./activation.ts"
import { createAuditTrail } from "./audit-trail.ts"
import { asCodedError, type CallLimits, createCallPolicy, defaultCallLimits } from "./call-policy.ts"
import { createKeystoreChanges } from "./changes.ts"
import { inputOf, withoutSecretText } from "./configuration.ts"
import { isKeystoreId, pluginFor, readDocument } from "./document.ts"
import { keystoreNotFound } from "./errors.ts"
import { createHandlePool } from "./handles.ts"
import { createHealthBoard, type KeystoreCondition, type LastOutcome } from "./health.ts"
import { createL1KeyImport, type L1KeyImport } from "./key-import.ts"
import { createL1Port } from "./l1-port.ts"
import { createOperationBudgets, type OperationUsage, warnFrom } from "./operation-budget.ts"
import type { CredentialPort, KeystorePluginCatalog, KeystoreRepository, OperationCountRepository } from "./ports.ts"
import type { KeystoreRecord, KeystoreRevision } from "./records.ts"
import { createSerializer } from "./serial.ts"
import { createKeystoreTests } from "./test-runs.ts"

/** What {@link createKeystoreManager} is made of. */
export interface KeystoreManagerOptions {
  readonly catalog: KeystorePluginCatalog
  readonly repository: KeystoreRepository
  readonly credentials: CredentialPort
  readonly operationCounts: OperationCountRepository
  readonly audit: AuditRecorder
  /** The key hierarchy's; it calls back into {@link KeystoreManager.l1}, so bind it late. */
  readonly prepareTenantKey: (tenantId: string, keystoreId: string, call: HostCall) => Promise<PreparedTenantKey>
  /** How often one host renews a tenant's lease within an hour: each is an operation of its keystore. */
  readonly renewalsPerHour: (tenantId: string) => Promise<number>
  readonly clock: Clock
  readonly logger: Logger
  /** Of the profile: under `production` only a key that cannot be exported is activated. Default `production`. */
  readonly mode?: "development" | "production"
  readonly limits?: Partial<CallLimits>
  readonly random?: RandomSource
}

/** A keystore as it is saved, or a document `{plugin_type, plugin_name, configuration}` that is not. */
export type KeystoreSubject = { readonly keystoreId: string } | { readonly document: unknown }

/** Health of one keystore, as this host knows it. */
export interface KeystoreHealth {
  readonly keystoreId: string
  readonly pluginType: string
  readonly state: KeystoreRecord["state"]
  /** A budget that is nearly used up is a `warning` as well. */
  readonly condition: KeystoreCondition
  /** In milliseconds, the last successes weighing most. Absent until the first one after a start. */
  readonly averageLatencyMs?: number
  /** Absent until the first call after a start. */
  readonly last?: LastOutcome
  /** Absent where the administrator has set no limit. */
  readonly usage?: OperationUsage
}

/**
 * The keystores of all tenants. Errors of plugins (`PluginError`), of the audit log and of the database pass through.
 * What changes or tests a keystore is in the tenant's audit log before it is answered, failures too.
 */
export interface KeystoreManager {
  /** The tenants' L1 keys; `call.tenantId` says whose. */
  readonly l1: L1Port
  /** Import of L1 keys by their owners. */
  readonly l1Import: L1KeyImport
  /**
   * Adds a keystore, inactive. Its secrets go to the credential store.
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, PLUGIN_TYPE_UNKNOWN, KEYSTORE_EXISTS
   */
  add(tenantId: string, document: unknown, call: HostCall): Promise<KeystoreRecord>
  /**
   * Replaces a keystore's configuration. A secret that is left out, or sent as it reads back, keeps its stored version,
   * unless the address changes; `null` removes it.
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, IDENTITY_FIELD_FIXED, REVISION_MISMATCH, KEYSTORE_NOT_FOUND,
   * PLUGIN_TYPE_UNKNOWN
   */
  change(
    tenantId: string,
    keystoreId: string,
    configuration: unknown,
    expected: KeystoreRevision,
    call: HostCall,
  ): Promise<KeystoreRecord>
  /**
   * Removes a keystore, its secrets and its claim.
   * @throws {KeystoreManagerError} KEYSTORE_IN_USE, REVISION_MISMATCH, KEYSTORE_NOT_FOUND
   */
  remove(tenantId: string, keystoreId: string, expected: KeystoreRevision, call: HostCall): Promise<void>
  /** By id. */
  list(tenantId: string): Promise<readonly KeystoreRecord[]>
  /** @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND */
  get(tenantId: string, keystoreId: string): Promise<KeystoreRecord>
  /**
   * Tests a connection; each step comes when it has ended, and a failure is a step. Ends within the test limit. The last
   * step is the host's, `l2_derivation`. A document under the name of a saved keystore of the same type may keep that
   * one's secrets, as in a change.
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, PLUGIN_TYPE_UNKNOWN, KEYSTORE_NOT_FOUND - at the first step
   */
  test(tenantId: string, subject: KeystoreSubject, call: HostCall): AsyncIterable<ConnectionStep>
  /**
   * Tests a keystore, claims its L1 key for the tenant, and stores the tenant's first L2 with it. When it is active
   * already it only tests again and answers.
   * @throws {KeystoreManagerError} CONNECTION_TEST_FAILED, L1_ALREADY_CLAIMED, ANOTHER_KEYSTORE_ACTIVE,
   * OPERATION_BUDGET_TOO_SMALL, REVISION_MISMATCH, KEYSTORE_NOT_FOUND, PLUGIN_TYPE_UNKNOWN
   * @throws {PluginError} KEY_UNSUITABLE - under `mode: production` the key can be exported, or nobody says that it cannot
   */
  activate(tenantId: string, keystoreId: string, call: HostCall): Promise<ActivationAnswer>
  /**
   * The documents with which the keystore's administrator prepares it. Touches no network, and needs no secret.
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, PLUGIN_TYPE_UNKNOWN, KEYSTORE_NOT_FOUND
   * @throws {PluginError} INVALID_REQUEST - the configuration is wrong; `issues` has each fault
   */
  setupMaterial(tenantId: string, subject: KeystoreSubject, call: HostCall): Promise<readonly SetupDocument[]>
  /**
   * How a keystore is, as this host has seen it.
   * @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND
   */
  health(tenantId: string, keystoreId: string): Promise<KeystoreHealth>
  /** Closes every opened keystore; calls in flight reject with `CANCELLED`. */
  close(): Promise<void>
}

/** Makes the manager. It opens nothing before the first call. */
export function createKeystoreManager(options: KeystoreManagerOptions): KeystoreManager {
  const { catalog, repository, credentials, clock, logger, prepareTenantKey, mode = "production" } = options
  const budgets = createOperationBudgets({ catalog, counts: options.operationCounts, clock, logger })
  const limits = { ...defaultCallLimits, ...options.limits }
  const random = options.random ?? { bytes: (length) => randomBytes(length) }
  const trail = createAuditTrail(options.audit)
  const health = createHealthBoard(clock)
  const policy = createCallPolicy(limits, clock, health, budgets)
  const openTimeoutMs = limits.operationTimeoutMs
  const handles = createHandlePool({ catalog, credentials, clock, logger, openTimeoutMs })
  const activating = new Map<string, string>()
  const changes = createKeystoreChanges({ catalog, repository, credentials, trail, clock })
  const tests = createKeystoreTests({
    ...{ catalog, repository, credentials, handles, trail, logger },
    ...{ policy, health, clock, random },
  })
  const activate = createActivation({
    ...{ catalog, repository, handles, policy, budgets, trail, clock, mode, activating, prepareTenantKey },
    renewalsPerHour: options.renewalsPerHour,
    testSaved: tests.saved,
  })
  const oneAtATime = createSerializer()

  const get = async (tenantId: string, keystoreId: string): Promise<KeystoreRecord> => {
    requireKeystoreId(keystoreId)
    const record = await repository.keystore(tenantId, keystoreId)
    if (record === undefined) throw keystoreNotFound(keystoreId)
    return record
  }

  return {
    l1: createL1Port({ repository, handles, policy, activating }),
    l1Import: createL1KeyImport({ get, requireKeystoreId, repository, handles, policy, trail }),
    get,
    add: changes.add,
    async change(tenantId, keystoreId, configuration, expected, call) {
      requireKeystoreId(keystoreId)
      const record = await changes.change({ tenantId, keystoreId }, configuration, expected, call)
      handles.retire(record)
      return record
    },
    async remove(tenantId, keystoreId, expected, call) {
      requireKeystoreId(keystoreId)
      await changes.remove({ tenantId, keystoreId }, expected, call)
      handles.retire({ tenantId, keystoreId })
      health.forget({ tenantId, keystoreId })
      budgets.forget({ tenantId, keystoreId })
    },
    list: (tenantId) => repository.keystores(tenantId),
    async *test(tenantId, subject, call) {
      if ("document" in subject) yield* tests.unsaved(tenantId, subject.document, call)
      else yield* tests.saved(await get(tenantId, subject.keystoreId), call)
    },
    async activate(tenantId, keystoreId, call) {
      requireKeystoreId(keystoreId)
      return oneAtATime(tenantId, call.signal, () => activate(tenantId, keystoreId, call))
    },
    async setupMaterial(tenantId, subject, call) {
      const saved = "keystoreId" in subject ? await get(tenantId, subject.keystoreId) : undefined
      const document = "document" in subject ? readDocument(subject.document) : undefined
      const plugin = pluginFor(catalog, saved?.pluginType ?? document?.plugin_type ?? "")
      const input =
        saved === undefined ? withoutSecretText(plugin, document?.configuration ?? {}) : inputOf(saved, credentials)
      try {
        return await plugin.instance.setupMaterial(input, { ...call, tenantId })
      } catch (error) {
        throw asCodedError(error)
      }
    },
    async health(tenantId, keystoreId) {
      const record = await get(tenantId, keystoreId)
      const { pluginType, state } = record
      const last = health.last(record)
      const averageLatencyMs = health.averageLatencyMs(record)
      const usage = await budgets.usage(record)
      const seen = health.condition(record)
      const isNearlyUsedUp = usage !== undefined && usage.taken >= warnFrom * usage.limit
      return {
        ...{ keystoreId, pluginType, state },
        condition: isNearlyUsedUp && seen !== "failing" ? "warning" : seen,
        ...(averageLatencyMs === undefined ? {} : { averageLatencyMs }),
        ...(last === undefined ? {} : { last }),
        ...(usage === undefined ? {} : { usage }),
      }
    },
    close: () => handles.close(),
  }
}

/** What cannot be an id names no keystore, and is not fit for the audit log either. */
function requireKeystoreId(keystoreId: string): void {
  if (!isKeystoreId(keystoreId)) throw keystoreNotFound(keystoreId.slice(0, 63))
}
