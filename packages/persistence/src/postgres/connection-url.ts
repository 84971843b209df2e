import { isIP } from "node:net"
import { persistenceError } from "../errors.ts"

/** Where a PostgreSQL is, as its URL says. */
export interface PostgresAddress {
  /** Host name, IP address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** Present when the URL carries one. */
  readonly password?: string
  /** TLS with a verified certificate; absent on a loopback address or socket unless asked for. */
  readonly tls?: {
    /** File with the authorities that are trusted, PEM; Node's own where absent. */
    readonly authorityFile?: string
  }
}

const parameters = ["sslmode", "sslrootcert"]

/** Tells whether a URL is meant for PostgreSQL. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:/.test(url)
}

/**
 * Reads `postgres://USER@HOST:PORT/DATABASE`, with `?sslmode=` `verify-full` or `disable` and `sslrootcert=` an absolute
 * path; HOST may be the folder of a Unix socket, percent-encoded.
 *
 * A server elsewhere is spoken to by verified TLS only: the modes between (`require`, `prefer`, ...) would encrypt for
 * whoever answers.
 *
 * @throws {PersistenceError} DATABASE_URL_INVALID - the message never repeats the URL, which may hold a password
 */
export function postgresAddress(url: string): PostgresAddress {
  const parsed = URL.parse(url)
  if (parsed === null || !url.startsWith(`${parsed.protocol}//`)) throw invalid("is no URL")
  const host = decoded(parsed.hostname).replace(/^\[(.*)\]$/, "$1")
  const user = decoded(parsed.username)
  const database = decoded(parsed.pathname.slice(1))
  const password = decoded(parsed.password)
  if (host === "") throw invalid("names no host")
  if (user === "") throw invalid("names no user")
  if (database === "" || database.includes("/")) throw invalid("names no database")
  if ([host, user, database, password].some((part) => part.includes("\0"))) throw invalid("holds a zero byte")
  if (parsed.hash !== "") throw invalid("has a fragment")
  const tls = transport(host, parsed.searchParams)
  return {
    ...{ host, user, database, port: parsed.port === "" ? 5432 : Number(parsed.port) },
    ...(password === "" ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  }
}

function transport(host: string, search: URLSearchParams): PostgresAddress["tls"] {
  const names = [...search.keys()]
  if (new Set(names).size !== names.length) throw invalid("sets a parameter twice")
  if (!names.every((name) => parameters.includes(name))) throw invalid(`takes only ${parameters.join(" and ")}`)
  const isHere =
    host.startsWith("/") || host === "localhost" || host === "::1" || (isIP(host) === 4 && /^127\./.test(host))
  const mode = search.get("sslmode") ?? (isHere && !search.has("sslrootcert") ? "disable" : "verify-full")
  const authorityFile = search.get("sslrootcert") ?? undefined
  if (mode === "disable") {
    if (!isHere) throw invalid("turns TLS off for a server that is not on this machine")
    if (authorityFile !== undefined) throw invalid("names an sslrootcert and turns TLS off")
    return undefined
  }
  if (mode !== "verify-full") throw invalid("has an sslmode that is neither verify-full nor disable")
  if (host.startsWith("/")) throw invalid("asks for TLS on a socket")
  if (authorityFile !== undefined && !authorityFile.startsWith("/")) throw invalid("has a relative sslrootcert")
  return authorityFile === undefined ? {} : { authorityFile }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw invalid("holds a malformed escape")
  }
}

function invalid(what: string): Error {
  return persistenceError("DATABASE_URL_INVALID", `persistence.url ${what}.`)
}
