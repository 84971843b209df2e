import { hostname } from "node:os"
import { join } from "node:path"
import { loadOrCreateAdministratorToken } from "@apeiro-cmk/access"
import { type AuditEvent, platformTenantId } from "@apeiro-cmk/audit-log"
import { type LoadedProfile, loadProfile } from "@apeiro-cmk/host-runtime"
import type { Database, DatabaseOptions } from "@apeiro-cmk/persistence"
import type { Clock, Logger, RandomSource } from "@apeiro-cmk/plugin-interface"
import { systemClock, systemRandom } from "@apeiro-cmk/plugin-sdk/services"
import { type Core, openCore } from "./core.ts"
import { prepareDataDirectory } from "./data-directory.ts"
import { closeFailureLog, type Defer, type Opened, openInOrder } from "./open-in-order.ts"
import { reasonOf } from "./reason.ts"
import { openServers } from "./servers.ts"

/** Options of a host. */
export interface HostOptions {
  /** File of the profile; read at start. Give this or `profile`. */
  readonly profilePath?: string
  /** A profile that is loaded already. */
  readonly profile?: LoadedProfile
  /** Variables for the profile's `{source: env}` references. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly logger: Logger
  readonly overrides?: HostOverrides
}

/** Settings that tests and embedders replace. */
export interface HostOverrides {
  /** Instead of the profile's ports; 0 takes a free one. */
  readonly apiPort?: number
  readonly operationsPort?: number
  readonly clock?: Clock
  readonly random?: RandomSource
  /** Name of this replica in the audit log. Default: the machine's host name. */
  readonly replica?: string
  /** Longest time for accepted work to end at a stop, in milliseconds. Default 30,000. */
  readonly stopGraceMs?: number
  readonly openDatabase?: (options: DatabaseOptions) => Promise<Database>
}

/** Addresses of a started host, and the file of its administrator's token. */
export interface HostAddresses {
  /** E.g. `http://127.0.0.1:8470`. */
  readonly apiUrl: string
  readonly operationsUrl: string
  /** Holds `Authorization: Bearer <token>`, for `curl -H @file`. */
  readonly administratorHeaderPath: string
}

/** The host: the packages put together, with an API and a life cycle. It starts once and stops once. */
export interface Host {
  /**
   * Opens everything in order; when a step fails, everything opened before is closed again.
   *
   * @throws {ProfileError} PROFILE_INVALID
   * @throws {HostRuntimeError} a plugin with `onFailure: abort` did not load or start
   * @throws {HostError} DATA_DIRECTORY_EXPOSED, ROOT_KEY_MISSING, ROOT_KEY_DIFFERS, L1_KEYS_REPLACED
   * @throws {HttpApiError} PORT_IN_USE, LISTEN_FAILED
   * @throws {AccessError} ADMINISTRATOR_TOKEN_INVALID, ADMINISTRATOR_TOKEN_EXPOSED
   * @throws {PersistenceError} DATABASE_IN_USE, DATABASE_ACCESS_DENIED, DATABASE_UNAVAILABLE, ...
   * @throws {CredentialStoreError} ROOT_KEY_INVALID, ROOT_KEY_EXPOSED
   */
  start(): Promise<HostAddresses>
  /** Accepts nothing new, finishes the accepted work, and closes everything in reverse order. Idempotent. */
  stop(): Promise<void>
}

const defaultStopGraceMs = 30_000

/** Makes a host; it does nothing before `start`. */
export function createHost(options: HostOptions): Host {
  return new ComposedHost(options)
}

class ComposedHost implements Host {
  readonly #options: HostOptions
  #running: Promise<Opened<HostAddresses>> | undefined
  #stopped: Promise<void> | undefined

  constructor(options: HostOptions) {
    this.#options = options
  }

  async start(): Promise<HostAddresses> {
    this.#running ??= startHost(this.#options)
    return (await this.#running).value
  }

  stop(): Promise<void> {
    this.#stopped ??= stopHost(this.#running)
    return this.#stopped
  }
}

async function stopHost(running: Promise<Opened<HostAddresses>> | undefined): Promise<void> {
  // A failed start has closed everything already.
  const host = await running?.catch(() => undefined)
  await host?.close()
}

async function startHost(options: HostOptions): Promise<Opened<HostAddresses>> {
  const profile = await profileOf(options)
  return openInOrder((defer) => openHost(profile, options, defer), closeFailureLog(options.logger))
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
