import { randomBytes } from "node:crypto"
import type { AuditRecorder } from "@apeiro-cmk/audit-log"
import type { HostCall, Page } from "@apeiro-cmk/host-call"
import type { KeyRepository, L1Port } from "@apeiro-cmk/key-hierarchy"
import type { Clock, ConnectionStep, Logger, RandomSource, SetupDocument } from "@apeiro-cmk/plugin-interface"
import type { KeystorePoolBounds } from "@apeiro-cmk/plugin-sdk"
import { Activation, type ActivationAnswer } from "./activation.ts"
import { AuditTrail } from "./audit-trail.ts"
import { BudgetStage } from "./caller/budget-stage.ts"
import { DeadlineStage } from "./caller/deadline-stage.ts"
import { KeystoreCaller } from "./caller/keystore-caller.ts"
import { MeasurementStage } from "./caller/measurement-stage.ts"
import { NewestRevisionStage } from "./caller/newest-revision-stage.ts"
import { inputOf, withoutSecretText } from "./configuration.ts"
import { pluginFor, readDocument, requireKeystoreId } from "./document.ts"
import { keystoreNotFound } from "./errors.ts"
import { HandlePool } from "./handle-pool.ts"
import { HealthBoard } from "./health-board.ts"
import { L1KeyImport } from "./key-import.ts"
import { KeystoreChanges } from "./keystore-changes.ts"
import { healthOf, type KeystoreHealth } from "./keystore-health.ts"
import { KeystoreProbes } from "./keystore-probes.ts"
import { KeystoreTests } from "./keystore-tests.ts"
import { createL1Port } from "./l1-port.ts"
import { OperationBudgets } from "./operation-budgets.ts"
import type { CredentialPort, KeystorePluginCatalog, KeystoreRepository, OperationCountRepository } from "./ports.ts"
import type { KeystoreRecord, KeystoreRevision, KeystoreSummary } from "./records.ts"
import { Serializer } from "./serializer.ts"

/** Options of {@link KeystoreManager}. */
export interface KeystoreManagerOptions {
  readonly catalog: KeystorePluginCatalog
  readonly repository: KeystoreRepository
  readonly credentials: CredentialPort
  readonly operationCounts: OperationCountRepository
  /** Reads the stored wraps of tenant keys: they show whether a keystore still holds its L1 key. */
  readonly keys: Pick<KeyRepository, "tenantKeys">
  readonly audit: AuditRecorder
  /** Says how often one host renews a tenant's lease within an hour: each renewal is an operation of its keystore. */
  readonly renewalsPerHour: (tenantId: string) => Promise<number>
  readonly clock: Clock
  readonly logger: Logger
  /** Mode of the profile: under `production` only a key that cannot be exported is activated. Default `production`. */
  readonly mode?: "development" | "production"
  readonly random?: RandomSource
  /** Bounds of opened keystores. Default: five minutes without use, 1,000 in all, 50 of one tenant. */
  readonly openedKeystores?: KeystorePoolBounds
}

/** The keystore of a request: a saved one, or a document `{plugin_type, plugin_name, configuration}` that is not saved. */
export type KeystoreSubject = { readonly keystoreId: string } | { readonly document: unknown }

/**
 * Manages the keystores of all tenants. Errors of plugins (`PluginError`), of the audit log and of the database pass
 * through. A change or a test of a keystore is in the tenant's audit log before it is answered, failures too.
 */
export class KeystoreManager {
  /** Makes every call to a keystore or to its plugin. */
  readonly caller: KeystoreCaller
  /** Reaches the tenants' L1 keys; `call.tenantId` names the tenant. */
  readonly l1: L1Port
  /** Imports L1 keys for their owners. */
  readonly l1Import: L1KeyImport
  readonly #options: KeystoreManagerOptions
  readonly #handles: HandlePool
  readonly #health: HealthBoard
  readonly #budgets: OperationBudgets
  readonly #probes: KeystoreProbes
  readonly #changes: KeystoreChanges
  readonly #tests: KeystoreTests
  readonly #activation: Activation
  readonly #activations = new Serializer()

  /** Opens nothing before the first call. */
  constructor(options: KeystoreManagerOptions) {
    const { audit, catalog, clock, credentials, logger, mode = "production", renewalsPerHour, repository } = options
    const random = options.random ?? { bytes: (length) => randomBytes(length) }
    const trail = new AuditTrail(audit)
    const { openedKeystores: bounds } = options
    const handles = new HandlePool({ catalog, credentials, clock, logger, ...(bounds && { bounds }) })
    const health = new HealthBoard(clock)
    const budgets = new OperationBudgets({ catalog, counts: options.operationCounts, clock, logger })
    const stages = [
      new NewestRevisionStage(repository),
      new DeadlineStage(clock),
      new BudgetStage(budgets),
      new MeasurementStage(clock, [health]),
    ]
    const caller = new KeystoreCaller(stages, handles)
    const common = { catalog, repository, credentials, caller, trail, clock }
    const probes = new KeystoreProbes({ caller, clock, health })
    const l1 = createL1Port({ caller, repository, health, probes, clock })
    const tests = new KeystoreTests({ ...common, audit, handles, health, keys: options.keys, l1, logger, random })
    this.caller = caller
    this.l1 = l1
    this.l1Import = new L1KeyImport(common)
    this.#options = options
    this.#handles = handles
    this.#health = health
    this.#budgets = budgets
    this.#probes = probes
    this.#changes = new KeystoreChanges(common)
    this.#tests = tests
    this.#activation = new Activation({ ...common, audit, budgets, mode, random, renewalsPerHour, tests })
  }

  /**
   * Adds a keystore, inactive. Its secrets go to the credential store.
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, PLUGIN_TYPE_UNKNOWN, KEYSTORE_EXISTS
   */
  add(tenantId: string, document: unknown, call: HostCall): Promise<KeystoreRecord> {
    return this.#changes.add(tenantId, document, call)
  }

  /**
   * Replaces a keystore's configuration. A secret that is left out, or sent as it reads back, keeps its stored version,
   * unless the address changes; `null` removes it.
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, IDENTITY_FIELD_FIXED, REVISION_MISMATCH, KEYSTORE_NOT_FOUND,
   * PLUGIN_TYPE_UNKNOWN
   */
  async change(
    tenantId: string,
    keystoreId: string,
    configuration: unknown,
    expected: KeystoreRevision,
    call: HostCall,
  ): Promise<KeystoreRecord> {
    requireKeystoreId(keystoreId)
    const record = await this.#changes.change({ tenantId, keystoreId }, configuration, expected, call)
    this.#handles.retire(record)
    return record
  }

  /**
   * Removes a keystore, its secrets and its claim.
   * @throws {KeystoreManagerError} KEYSTORE_IN_USE, REVISION_MISMATCH, KEYSTORE_NOT_FOUND
   */
  async remove(tenantId: string, keystoreId: string, expected: KeystoreRevision, call: HostCall): Promise<void> {
    requireKeystoreId(keystoreId)
    const target = { tenantId, keystoreId }
    await this.#changes.remove(target, expected, call)
    this.#handles.retire(target)
    this.#health.forget(target)
    this.#budgets.forget(target)
    this.#probes.forget(target)
  }

  /** Lists the keystores of a tenant, by id. */
  list(tenantId: string, page: Page<string>): Promise<readonly KeystoreSummary[]> {
    return this.#options.repository.keystores(tenantId, page)
  }

  /** Reads a keystore. @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND */
  async get(tenantId: string, keystoreId: string): Promise<KeystoreRecord> {
    requireKeystoreId(keystoreId)
    const record = await this.#options.repository.keystore(tenantId, keystoreId)
    if (record === undefined) throw keystoreNotFound(keystoreId)
    return record
  }

  /**
   * Tests a connection. Yields each step when it has ended, and a failure is a step. Ends within 30 s. The last steps are
   * the host's: `l2_derivation`, and for an active keystore `stored_wrap`. A document under the name of a saved keystore of the same type may keep that one's secrets, as
   * in a change.
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, PLUGIN_TYPE_UNKNOWN, KEYSTORE_NOT_FOUND - at the first step
   */
  async *test(tenantId: string, subject: KeystoreSubject, call: HostCall): AsyncGenerator<ConnectionStep, void, void> {
    if ("document" in subject) yield* this.#tests.unsaved(tenantId, subject.document, call)
    else yield* this.#tests.saved(await this.get(tenantId, subject.keystoreId), call)
  }

  /**
   * Tests a keystore, claims its L1 key for the tenant, and stores the tenant's first L2 with it. A keystore that is
   * already active is only tested again.
   * @throws {KeystoreManagerError} CONNECTION_TEST_FAILED, L1_ALREADY_CLAIMED, ANOTHER_KEYSTORE_ACTIVE,
   * OPERATION_BUDGET_TOO_SMALL, REVISION_MISMATCH, KEYSTORE_NOT_FOUND, PLUGIN_TYPE_UNKNOWN
   * @throws {PluginError} KEY_UNSUITABLE - under `mode: production` the key can be exported, or the keystore does not say
   */
  async activate(tenantId: string, keystoreId: string, call: HostCall): Promise<ActivationAnswer> {
    requireKeystoreId(keystoreId)
    return this.#activations.run(tenantId, call.signal, () => this.#activation.run(tenantId, keystoreId, call))
  }

  /**
   * Writes the documents with which the keystore's administrator prepares it. Touches no network, and needs no secret.
   * @throws {KeystoreManagerError} CONFIGURATION_INVALID, PLUGIN_TYPE_UNKNOWN, KEYSTORE_NOT_FOUND
   * @throws {PluginError} INVALID_REQUEST - the configuration is wrong; `issues` lists each fault
   */
  async setupMaterial(tenantId: string, subject: KeystoreSubject, call: HostCall): Promise<readonly SetupDocument[]> {
    const { catalog, credentials } = this.#options
    if ("keystoreId" in subject) {
      const saved = await this.get(tenantId, subject.keystoreId)
      const { instance } = pluginFor(catalog, saved.pluginType)
      const named = { ...call, tenantId, keystoreId: saved.keystoreId }
      return this.caller.call(undefined, named, (options) =>
        instance.setupMaterial(inputOf(saved, credentials), options),
      )
    }
    const { plugin_type, plugin_name, configuration } = readDocument(subject.document)
    const plugin = pluginFor(catalog, plugin_type)
    const named = { ...call, tenantId, keystoreId: plugin_name }
    const input = withoutSecretText(plugin, configuration)
    return this.caller.call(undefined, named, (options) => plugin.instance.setupMaterial(input, options))
  }

  /**
   * Says how a keystore is, as this host has seen it.
   * @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND
   */
  async health(tenantId: string, keystoreId: string): Promise<KeystoreHealth> {
    return healthOf(await this.get(tenantId, keystoreId), this.#health, this.#budgets)
  }

  /** Closes every opened keystore; calls that still run after two seconds reject with `CANCELLED`. */
  close(): Promise<void> {
    return this.#handles.close()
  }
}
