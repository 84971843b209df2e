import { hostname } from "node:os"
import { join } from "node:path"
import { type AuditEvent, platformTenantId } from "@apeiro-cmk/audit-log"
import { type LoadedProfile, loadProfile } from "@apeiro-cmk/host-runtime"
import type { Database, DatabaseOptions } from "@apeiro-cmk/persistence"
import type { Clock, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import { systemClock, systemRandom } from "@apeiro-cmk/plugin-sdk/services"
import { loadOrCreateAdministratorToken } from "./auth/administrator-token.ts"
import { type Core, openCore } from "./core.ts"
import { prepareDataDirectory } from "./data-directory.ts"
import { closeFailureLog, type Defer, openInOrder } from "./open-in-order.ts"
import { reasonOf } from "./reason.ts"
import { openServers } from "./servers.ts"

/** How a host is made. */
export interface HostOptions {
  /** File of the profile; read at start. One of this and `profile` must be given. */
  readonly profilePath?: string
  /** A profile that is loaded already. */
  readonly profile?: LoadedProfile
  /** What `{source: env}` references of the profile read. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly logger: Logger
  readonly overrides?: HostOverrides
}

/** What tests and embedders set otherwise. */
export interface HostOverrides {
  /** Instead of the profile's ports; 0 takes a free one. */
  readonly apiPort?: number
  readonly operationsPort?: number
  readonly clock?: Clock
  readonly random?: RandomSource
  /** Name of this replica in the audit log. Default: the machine's host name. */
  readonly replica?: string
  /** How long a stop waits for what was accepted, in milliseconds. Default 30,000. */
  readonly stopGraceMs?: number
  readonly openDatabase?: (options: DatabaseOptions) => Promise<Database>
}

/** Where a started host listens, and where its administrator's token lies. */
export interface HostAddresses {
  /** E.g. `http://127.0.0.1:8470`. */
  readonly apiUrl: string
  readonly operationsUrl: string
  /** Holds `Authorization: Bearer <token>`, for `curl -H @file`. */
  readonly administratorHeaderPath: string
}

/** The host: a composition of the packages, an API and a life. It is started once and stopped once. */
export interface Host {
  /**
   * Opens everything, in order; when a step fails, what was opened before is closed again.
   *
   * @throws {ProfileError} PROFILE_INVALID
   * @throws {HostRuntimeError} a plugin with `onFailure: abort` did not load or start
   * @throws {HostError} PORT_IN_USE, LISTEN_FAILED, DATA_DIRECTORY_EXPOSED, ROOT_KEY_DIFFERS, ...
   * @throws {PersistenceError} DATABASE_IN_USE, DATABASE_ACCESS_DENIED, DATABASE_UNAVAILABLE, ...
   * @throws {CredentialStoreError} ROOT_KEY_INVALID, ROOT_KEY_EXPOSED
   */
  start(): Promise<HostAddresses>
  /** Takes nothing new, finishes what it accepted, and closes everything in reverse order. Idempotent. */
  stop(): Promise<void>
}

const defaultStopGraceMs = 30_000

/** Makes a host; it does nothing before `start`. */
export function createHost(options: HostOptions): Host {
  let running: Promise<RunningHost> | undefined
  let stopped: Promise<void> | undefined
  return {
    start: async () => {
      running ??= startHost(options)
      return (await running).addresses
    },
    stop: () => {
      stopped ??= stopHost(running)
      return stopped
    },
  }
}

interface RunningHost {
  readonly addresses: HostAddresses
  stop(): Promise<void>
}

async function stopHost(running: Promise<RunningHost> | undefined): Promise<void> {
  // A start that failed has given everything back already.
  const host = await running?.catch(() => undefined)
  await host?.stop()
}

async function startHost(options: HostOptions): Promise<RunningHost> {
  const profile = await profileOf(options)
  const opened = await openInOrder((defer) => openHost(profile, options, defer), closeFailureLog(options.logger))
  return { addresses: opened.value, stop: opened.close }
}

async function openHost(profile: LoadedProfile, options: HostOptions, defer: Defer): Promise<HostAddresses> {
  const { logger, overrides = {} } = options
  const clock = overrides.clock ?? systemClock
  const random = overrides.random ?? systemRandom
  const replica = overrides.replica ?? hostname()

  await prepareDataDirectory(profile.dataDirectory)
  const administratorHeaderPath = join(profile.dataDirectory, "administrator.header")
  const administratorTokenHash = await loadOrCreateAdministratorToken(administratorHeaderPath, random)
  const { openDatabase } = overrides
  const core = await openCore({ profile, logger, clock, random, replica, ...(openDatabase && { openDatabase }) })
  defer(() => core.close())

  await core.audit.record(lifeEvent("hostStart", replica, core))
  defer(() => recordStop(core, replica, logger))
  const ports = { api: overrides.apiPort, operations: overrides.operationsPort }
  const graceMs = overrides.stopGraceMs ?? defaultStopGraceMs
  const servers = await openServers({ core, profile, ports, graceMs, administratorTokenHash, clock, random, logger })
  defer(() => servers.close())

  const { apiUrl, operationsUrl } = servers
  logger.info("the host serves", { api: apiUrl, operations: operationsUrl, replica, mode: profile.mode })
  return { apiUrl, operationsUrl, administratorHeaderPath }
}

async function recordStop(core: Core, replica: string, logger: Logger): Promise<void> {
  try {
    await core.audit.record(lifeEvent("hostStop", replica, core))
  } catch (error) {
    logger.error("the stop could not be recorded", { reason: reasonOf(error) })
  }
}

async function profileOf({ profile, profilePath, environment }: HostOptions): Promise<LoadedProfile> {
  if (profile !== undefined) return profile
  if (profilePath === undefined) throw new TypeError("createHost needs profilePath or profile")
  return loadProfile(profilePath, { environment })
}

function lifeEvent(action: "hostStart" | "hostStop", replica: string, core: Core): AuditEvent {
  const plugins = core.catalog.plugins().map(({ name, version, state }) => `${name}@${version ?? "unknown"} ${state}`)
  return {
    tenantId: platformTenantId,
    actor: { type: "host", id: replica },
    action,
    resource: { type: "host", id: replica },
    outcome: "success",
    facts: { node: process.version, plugins },
  }
}
