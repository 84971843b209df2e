import { randomBytes } from "node:crypto"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { type CertificateSubject, createTestAuthority, type TestAuthority } from "../certificates.ts"
import { freePorts } from "../free-port.ts"
import { type GuardedProcess, startGuarded } from "../guarded-process.ts"
import { type Cluster, createCluster, serverUser, writeCertificate } from "./cluster.ts"
import { createDatabase, dropDatabase, runSql } from "./database.ts"
import { installPostgres } from "./install.ts"

/** Settings of a PostgreSQL server. */
export interface PostgresOptions {
  /** Accepts TLS, with a certificate from its own authority: for 127.0.0.1 and localhost, or for the given subject. */
  readonly tls?: boolean | CertificateSubject
  /** Flushes to disk as a production server does. Default false, because tests run faster without. */
  readonly durable?: boolean
  /** Further settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
}

const undurable = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }
const startAttempts = 5
const readyWithinMs = 30_000
const pollMs = 25

/**
 * Starts a real PostgreSQL on a free port of 127.0.0.1 with its data in a temporary folder. It ends with
 * {@link PostgresServer.stop}, or when this process ends. As root it runs as the user `nobody`.
 * @throws {BackendUnavailable} PostgreSQL cannot be installed here
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const programs = await installPostgres()
  const authority = options.tls ? await createTestAuthority("PostgreSQL test authority") : undefined
  const cluster = await createCluster(programs, randomBytes(12).toString("hex"))
  const settings = {
    ...(options.durable === true ? {} : undurable),
    ...(authority === undefined ? {} : await writeCertificate(cluster.folder, authority, options.tls)),
    ...options.settings,
  }
  for (let attempt = 1; ; attempt += 1) {
    const [port = 0] = await freePorts(1)
    const server = new PostgresServer(programs, cluster, port, settings, authority)
    try {
      await server.start()
      return server
    } catch (error) {
      await server.halt()
      // Another process may take the port between the search and its use.
      if (attempt < startAttempts && server.log().includes("could not bind")) continue
      await server.stop()
      throw error
    }
  }
}

/** A running PostgreSQL. */
export class PostgresServer {
  readonly host = "127.0.0.1"
  readonly port: number
  /** The authority of its certificate; only with the option `tls`. */
  readonly authority: TestAuthority | undefined
  /** Folder for this server and for files of the test; {@link stop} removes it. */
  readonly folder: string
  readonly superuserPassword: string
  readonly #programs: string
  readonly #dataFolder: string
  readonly #settings: Readonly<Record<string, string>>
  #process: GuardedProcess | undefined

  constructor(
    programs: string,
    cluster: Cluster,
    port: number,
    settings: Readonly<Record<string, string>>,
    authority: TestAuthority | undefined,
  ) {
    this.#programs = programs
    this.#settings = settings
    this.#dataFolder = cluster.dataFolder
    this.folder = cluster.folder
    this.superuserPassword = cluster.superuserPassword
    this.port = port
    this.authority = authority
  }

  /** Process id of the server's first process, the parent of all others. @throws {Error} it is not running */
  get processId(): number {
    if (this.#process === undefined || this.#process.hasEnded) throw new Error("PostgreSQL is not running")
    return this.#process.processId
  }

  /** Creates a role with a password and an empty database that it owns. @returns URL with the password */
  createDatabase(): Promise<string> {
    return createDatabase(this)
  }

  /** Drops a database of {@link PostgresServer.createDatabase} and its role, even while clients are connected. */
  dropDatabase(url: string): Promise<void> {
    return dropDatabase(this, url)
  }

  /** Runs one statement as the superuser, on a separate connection. @returns its rows */
  sql(statement: string, database?: string): Promise<readonly Record<string, unknown>[]> {
    return runSql(this, statement, database)
  }

  /** Locks a table against everybody, for a minute at most. @returns a function that releases it */
  async lockTable(database: string, table: string): Promise<() => Promise<void>> {
    const held = this.sql(`do $$ begin lock table ${table}; perform pg_sleep(60); end $$`, database)
    held.catch(() => undefined)
    const isHeld = `select 1 from pg_locks where relation = '${table}'::regclass and mode = 'AccessExclusiveLock' and granted`
    while ((await this.sql(isHeld, database)).length === 0);
    return async () => {
      await this.sql("select pg_cancel_backend(pid) from pg_stat_activity where query like 'do $$%lock table%'")
      await held.catch(() => undefined)
    }
  }

  /** Shuts the server down, aborting what is running, and keeps the data: connections are refused until {@link start}. */
  async halt(): Promise<void> {
    await this.#process?.stop()
  }

  /** Ends the server without warning (SIGKILL) and keeps the data. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  /** Starts the server after {@link halt} or {@link kill}, on the same port with the same data. */
  async start(): Promise<void> {
    const giveUpAtMs = performance.now() + readyWithinMs
    for (;;) {
      const server = await this.#spawn()
      while (!server.hasEnded) {
        if (await this.#answers()) return
        if (performance.now() > giveUpAtMs) throw new Error(`PostgreSQL is not ready in time:\n${this.log()}`)
        await delay(pollMs)
      }
      // After a kill, the last of its processes may still be running.
      const mayTryAgain = /pre-existing shared memory|lock file .* already exists/.test(server.output())
      if (!mayTryAgain || performance.now() > giveUpAtMs) throw new Error(`PostgreSQL ended:\n${this.log()}`)
      await delay(pollMs)
    }
  }

  /** {@link halt}, then {@link start}. */
  async restart(): Promise<void> {
    await this.halt()
    await this.start()
  }

  /** The last lines that the server logged. */
  log(): string {
    return this.#process?.output() ?? ""
  }

  /** Ends the server and removes its data. Idempotent. */
  async stop(): Promise<void> {
    await this.halt()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #spawn(): Promise<GuardedProcess> {
    const settings = { ...this.#settings, listen_addresses: this.host, port: String(this.port) }
    const sockets = { unix_socket_directories: this.folder }
    const options = Object.entries({ ...settings, ...sockets }).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    const program = join(this.#programs, "bin", "postgres")
    this.#process = await startGuarded(program, ["-D", this.#dataFolder, ...options], {
      stopSignal: "INT", // a "fast" shutdown: TERM would wait for every client
      ...(serverUser === undefined ? {} : { user: serverUser }),
    })
    return this.#process
  }

  async #answers(): Promise<boolean> {
    return this.sql("select 1").then(
      () => true,
      () => false, // not yet: the caller polls until its time limit
    )
  }
}
