import {
  type AuditRecorder,
  type AuditSequencer,
  createAuditRecorder,
  createAuditSequencer,
} from "@apeiro-cmk/audit-log"
import { createCredentialStore, loadOrCreateRootKey } from "@apeiro-cmk/credential-store"
import { type Catalog, type LoadedProfile, loadCatalog, startPlugins } from "@apeiro-cmk/host-runtime"
import { createKeyHierarchy, type KeyHierarchy } from "@apeiro-cmk/key-hierarchy"
import { createKeystoreManager, type KeystoreManager } from "@apeiro-cmk/keystore-manager"
import { type Database, type DatabaseOptions, openDatabase } from "@apeiro-cmk/persistence"
import type { Clock, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import { createPluginServices } from "@apeiro-cmk/plugin-sdk/services"
import { closeFailureLog, type Defer, openInOrder } from "./open-in-order.ts"
import { pluginAuditPort } from "./plugin-audit.ts"
import { pluginLogger } from "./plugin-logger.ts"

/** What the core is opened with. */
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
  readonly keys: KeyHierarchy
  /** Why the last run of the audit sequencer failed; undefined when it did not. */
  sequencerFailure(): string | undefined
  /** Gives everything back, last opened first: keys, keystores, plugins, sequencer (after a last run), database. */
  close(): Promise<void>
}

/**
 * Opens the database, loads and starts the plugins, and puts the packages together. When a step fails, what was opened
 * before is given back.
 */
export async function openCore(options: CoreOptions): Promise<Core> {
  const opened = await openInOrder((defer) => openParts(options, defer), closeFailureLog(options.logger))
  return { ...opened.value, close: opened.close }
}

async function openParts(options: CoreOptions, defer: Defer): Promise<Omit<Core, "close">> {
  const { profile, clock, random, logger, replica } = options

  const database = await (options.openDatabase ?? openDatabase)({ url: profile.persistence.url, clock })
  defer(() => database.close())
  const rootKey = await loadOrCreateRootKey(profile.credentialStore.root)
  const credentials = createCredentialStore({ rootKey, credentials: database.credentials, random, clock })

  const sequencer = watchedSequencer(options, database)
  defer(() => sequencer.stop())
  const onRecorded = () => sequencer.nudge()
  const audit = createAuditRecorder({ intake: database.auditIntake, clock, replica, onRecorded })

  const makeServices = (pluginName: string) =>
    createPluginServices({
      logger: pluginLogger(logger, pluginName),
      audit: pluginAuditPort(audit, pluginName, replica),
      clock,
      random,
      credentialDirectory: profile.credentialDirectory,
    })
  const catalog = await loadCatalog(profile, { makeServices, clock })
  const plugins = await startPlugins(catalog, { clock, logger })
  defer(() => plugins.stop())

  const prepareTenantKey: KeyHierarchy["prepareTenantKey"] = (...request) => keys.prepareTenantKey(...request)
  const managed = { catalog, repository: database.keystores, credentials, audit, prepareTenantKey }
  const keystores = createKeystoreManager({ ...managed, mode: profile.mode, clock, logger, random })
  defer(() => keystores.close())
  const keys = createKeyHierarchy({ keys: database.keys, l1: keystores.l1, audit, clock, random, logger })
  defer(() => keys.close())

  sequencer.start()
  return { database, audit, catalog, keystores, keys, sequencerFailure: sequencer.lastFailure }
}

interface WatchedSequencer extends AuditSequencer {
  lastFailure(): string | undefined
}

/** A sequencer whose last failure is known until a run succeeds again. */
function watchedSequencer({ clock, logger, replica }: CoreOptions, database: Database): WatchedSequencer {
  let failure: string | undefined
  const log: Database["auditLog"] = {
    ...database.auditLog,
    integrate: async (...request) => {
      const moved = await database.auditLog.integrate(...request)
      failure = undefined
      return moved
    },
  }
  const onError = (error: unknown) => {
    failure = error instanceof Error ? error.message : "The audit sequencer failed."
    logger.error("the audit sequencer failed; it goes on", { reason: failure })
  }
  return { ...createAuditSequencer({ log, clock, replica, onError }), lastFailure: () => failure }
}
