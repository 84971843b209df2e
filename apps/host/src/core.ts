import { type AuditRecorder, createAuditRecorder } from "@apeiro-cmk/audit-log"
import { type CredentialStore, createCredentialStore } from "@apeiro-cmk/credential-store"
import { timeBudgets } from "@apeiro-cmk/host-call"
import { type Catalog, KeystorePlugins, type LoadedProfile, loadCatalog, startPlugins } from "@apeiro-cmk/host-runtime"
import { fingerprintKeyOf } from "@apeiro-cmk/http-api"
import { createKeyHierarchy, type KeyHierarchy, renewalsPerHour } from "@apeiro-cmk/key-hierarchy"
import { KeystoreManager, L1Claims, PlatformKeystores } from "@apeiro-cmk/keystore-manager"
import { type Database, type DatabaseOptions, defaultJobSettings, openDatabase } from "@apeiro-cmk/persistence"
import type { Clock, Logger, PluginKind, RandomSource } from "@apeiro-cmk/plugin-interface"
import { createNameLookups, createPluginServices, pooledRandom } from "@apeiro-cmk/plugin-sdk/services"
import { requireL1KeysInPlace } from "./l1-keys-in-place.ts"
import { closeFailureLog, type Defer, openInOrder } from "./open-in-order.ts"
import { pluginAuditPort } from "./plugin-audit.ts"
import { pluginLogger } from "./plugin-logger.ts"
import { reasonOf } from "./reason.ts"
import { openRootKey } from "./root-key-of-database.ts"
import { WatchedSequencer } from "./watched-sequencer.ts"

/** Everything that the core is opened with. */
export interface CoreOptions {
  readonly profile: LoadedProfile
  readonly logger: Logger
  readonly clock: Clock
  readonly random: RandomSource
  readonly replica: string
  readonly openDatabase?: (options: DatabaseOptions) => Promise<Database>
}

/** Everything behind the API, running. */
export interface Core {
  readonly database: Database
  readonly audit: AuditRecorder
  readonly catalog: Catalog
  readonly keystores: KeystoreManager
  readonly platformKeystores: PlatformKeystores
  readonly claims: L1Claims
  readonly keys: KeyHierarchy
  /** Key of the fingerprints of requests that must take effect once. */
  readonly fingerprintKey: Uint8Array
  /** Tells why the last run of the audit sequencer failed; undefined when it succeeded. */
  sequencerFailure(): string | undefined
  /** Closes everything, last opened first: keys, keystores, plugins, sequencer (after a last run), database. */
  close(): Promise<void>
}

/**
 * Opens the database, loads and starts the plugins, and puts the packages together. When a step fails, everything opened
 * before is closed.
 */
export async function openCore(options: CoreOptions): Promise<Core> {
  const opened = await openInOrder((defer) => openParts(options, defer), closeFailureLog(options.logger))
  return { ...opened.value, close: opened.close }
}

async function openParts(options: CoreOptions, defer: Defer): Promise<Omit<Core, "close">> {
  const { clock, random, logger, replica } = options
  const { database, credentials, fingerprintKey } = await openStorage(options, defer)
  const sequencer = new WatchedSequencer({ log: database.auditLog, clock, logger, replica })
  defer(() => sequencer.stop())
  const audit = createAuditRecorder({
    intake: database.auditIntake,
    clock,
    random: pooledRandom(random),
    replica,
    timeoutMs: timeBudgets.auditCommit.limitMs,
    onRecorded: () => sequencer.nudge(),
  })
  const catalog = await openPlugins(options, audit, defer)
  const managed = await openKeystores(options, { database, credentials, audit, catalog }, defer)
  sequencer.start()
  return { database, audit, catalog, ...managed, fingerprintKey, sequencerFailure: sequencer.lastFailure }
}

async function openStorage(options: CoreOptions, defer: Defer) {
  const { profile, clock, random, logger, replica } = options
  const database = await (options.openDatabase ?? openDatabase)({
    ...profile.persistence,
    quotas: profile.quotas,
    clock,
    applicationName: `apeiro-cmk ${replica}`,
    jobs: { onError: (error) => logger.error("the job queue failed; it continues", { reason: reasonOf(error) }) },
  })
  defer(() => database.close())
  const rootKey = await openRootKey(profile.credentialStore.root, database)
  const credentials = createCredentialStore({ rootKey, credentials: database.credentials, random, clock })
  return { database, credentials, fingerprintKey: fingerprintKeyOf(rootKey.key) }
}

async function openPlugins(options: CoreOptions, audit: AuditRecorder, defer: Defer): Promise<Catalog> {
  const { profile, clock, random, logger, replica } = options
  const lookup = createNameLookups({ clock })
  const makeServices = (pluginName: string, kind: PluginKind) =>
    createPluginServices({
      logger: pluginLogger(logger, pluginName),
      audit: pluginAuditPort(audit, { name: pluginName, kind }, replica),
      clock,
      random,
      credentialDirectory: profile.credentialDirectory,
      lookup,
    })
  const catalog = await loadCatalog(profile, { makeServices, clock })
  const plugins = await startPlugins(catalog, { clock, logger })
  defer(() => plugins.stop())
  return catalog
}

interface KeystoreParts extends Pick<Core, "database" | "audit" | "catalog"> {
  readonly credentials: CredentialStore
}

async function openKeystores(options: CoreOptions, parts: KeystoreParts, defer: Defer) {
  const { profile, clock, random, logger } = options
  const { database, audit, credentials } = parts
  const catalog = new KeystorePlugins(parts.catalog)
  const { keystores: repository, operationCounts } = database
  const managed = { catalog, repository, keys: database.keys, operationCounts, credentials, audit }
  const { mode, openedKeystores } = profile
  const keystores = new KeystoreManager({
    ...{ ...managed, mode, clock, logger, random, ...(openedKeystores && { openedKeystores }) },
    async renewalsPerHour(tenantId) {
      const tenant = await database.tenants.tenant(tenantId)
      return tenant === undefined ? 0 : renewalsPerHour(tenant.leaseMs)
    },
  })
  defer(() => keystores.close())
  await requireL1KeysInPlace({ catalog: parts.catalog, database, keystores, clock })
  const keys = createKeyHierarchy({ keys: database.keys, l1: keystores.l1, audit, clock, random, logger })
  defer(() => keys.close())
  const platformKeystores = new PlatformKeystores({
    ...{ catalog, repository: database.platformKeystores, keystores: database.keystores, credentials },
    ...{ manager: keystores, jobs: database.jobs, audit, clock },
    maximumAttempts: defaultJobSettings.maximumAttempts,
  })
  defer(await platformKeystores.start())
  const { caller } = keystores
  const claims = new L1Claims({ repository: database.claims, keystores: repository, caller, audit, clock, random })
  return { keystores, keys, platformKeystores, claims }
}
