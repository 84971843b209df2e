import { readFile } from "node:fs/promises"
import { checkServerIdentity } from "node:tls"
import type { PostgresPool, PostgresPoolClient } from "kysely"
import pg from "pg"
import { persistenceError } from "../errors.ts"
import type { PostgresAddress } from "./connection-url.ts"
import { PooledConnection } from "./pooled-connection.ts"
import { postgresError } from "./postgres-errors.ts"

/** Settings of the connections and their pool. */
export interface PoolOptions {
  /** Called for each new connection, so that a changed password takes effect without a restart. */
  readonly readPassword: () => Promise<string>
  readonly maximumConnections: number
  readonly applicationName: string
  readonly times: PostgresTimes
}

/** Time limits, in milliseconds. */
export interface PostgresTimes {
  /** Wait for a free or new connection; default 5000. */
  readonly connectMs: number
  /** One statement; default 10,000. */
  readonly statementMs: number
  /** Wait for a lock that another transaction holds; default 5000. */
  readonly lockMs: number
  /** Time for which a host that stops during a transaction keeps its locks; default 2500, so that others wait longer than that. */
  readonly idleInTransactionMs: number
  /** Time for the network, on top of that for a statement, before the connection is given up; default 5000. */
  readonly networkMs: number
}

/** Time limits that apply unless `openDatabase` overrides them. */
export const defaultTimes: PostgresTimes = {
  connectMs: 5000,
  statementMs: 10_000,
  lockMs: 5000,
  idleInTransactionMs: 2500,
  networkMs: 5000,
}

const idleConnectionMs = 30_000
/** Age at which a connection is replaced, so that a changed address or certificate is noticed, in seconds. */
const maximumAgeSeconds = 900
const int8 = 20 // pg_type.dat

/** Connections to one PostgreSQL server. Every error is a {@link PersistenceError} or a conflict. */
export class ConnectionPool implements PostgresPool {
  /** Kysely reads these when it cancels statements itself, which it does not do here. */
  readonly options = {}
  readonly #pool: pg.Pool

  private constructor(config: pg.PoolConfig) {
    this.#pool = new pg.Pool(config)
    // A connection can break while it is idle; its next user then gets the error.
    this.#pool.on("error", () => undefined)
    this.#pool.on("connect", (client) => client.on("error", () => undefined))
  }

  /**
   * Makes the pool, without a connection yet.
   * @throws {PersistenceError} DATABASE_URL_INVALID - sslrootcert cannot be read
   */
  static async create(address: PostgresAddress, options: PoolOptions): Promise<ConnectionPool> {
    return new ConnectionPool(await poolConfig(address, options))
  }

  /** Takes a connection. @throws {PersistenceError} DATABASE_BUSY, DATABASE_UNAVAILABLE, DATABASE_ACCESS_DENIED */
  async connect(): Promise<PostgresPoolClient> {
    return new PooledConnection(await translating(() => this.#pool.connect()))
  }

  /** Runs one statement, which is its own transaction. */
  async query(sql: string): Promise<pg.QueryResult> {
    return translating(() => this.#pool.query(sql))
  }

  /** Runs one statement of pg-boss, which binds any type and reads pg's own errors. */
  async rawQuery(sql: string, parameters: unknown[] | undefined): Promise<pg.QueryResult> {
    return this.#pool.query(sql, parameters)
  }

  /** Closes each connection once its user has released it. */
  async end(): Promise<void> {
    await this.#pool.end()
  }
}

async function translating<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw postgresError(error)
  }
}

/** Sets everything that pg would otherwise take from the environment. */
async function poolConfig(address: PostgresAddress, options: PoolOptions): Promise<pg.PoolConfig> {
  const { host, port, user, database } = address
  const { times } = options
  return {
    ...{ host, port, user, database, password: options.readPassword, ssl: await tlsOptions(address) },
    application_name: options.applicationName,
    client_encoding: "UTF8",
    // Each commit is on disk before it is answered, whatever the server's default.
    options: "-c synchronous_commit=on",
    statement_timeout: times.statementMs,
    query_timeout: times.statementMs + times.networkMs,
    lock_timeout: times.lockMs,
    idle_in_transaction_session_timeout: times.idleInTransactionMs,
    connectionTimeoutMillis: times.connectMs,
    idleTimeoutMillis: idleConnectionMs,
    maxLifetimeSeconds: maximumAgeSeconds,
    max: options.maximumConnections,
    keepAlive: true,
    types: { getTypeParser: (type, format) => (type === int8 ? exactNumber : pg.types.getTypeParser(type, format)) },
  }
}

async function tlsOptions({ host, tls }: PostgresAddress): Promise<pg.PoolConfig["ssl"]> {
  if (tls === undefined) return false
  return {
    rejectUnauthorized: true,
    // pg does not pass an IP address on, and Node would then look for `localhost` in the certificate.
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    ...(tls.authorityFile === undefined ? {} : { ca: await readAuthorities(tls.authorityFile) }),
  }
}

async function readAuthorities(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8")
  } catch (error) {
    throw persistenceError("DATABASE_URL_INVALID", `The file ${file} of sslrootcert cannot be read.`, error)
  }
}

/** Parses a 64-bit number, which the driver returns as text because JavaScript cannot represent all of them. */
function exactNumber(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  throw persistenceError("DATABASE_FAULT", "A stored number is outside the safe range of JavaScript.")
}
