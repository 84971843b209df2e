import { isIP } from "node:net"
import { persistenceError } from "../errors.ts"

/** Address of a PostgreSQL server, parsed from its URL. */
export interface PostgresAddress {
  /** Host name, IP address, or folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** Present when the URL contains one. */
  readonly password?: string
  /** TLS with a verified certificate; absent on a loopback address or socket unless requested. */
  readonly tls?: {
    /** PEM file of the trusted authorities; absent for Node's own list. */
    readonly authorityFile?: string
  }
}

const parameters = ["sslmode", "sslrootcert"]

/** Tells whether a URL names a PostgreSQL database. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:/.test(url)
}

/**
 * Parses `postgres://USER@HOST:PORT/DATABASE`, with the parameters `sslmode` (`verify-full` or `disable`) and
 * `sslrootcert` (an absolute path). HOST may be the folder of a Unix socket, percent-encoded.
 *
 * A server on another machine is reached only by verified TLS: the modes in between (`require`, `prefer`, ...) would
 * encrypt for any server that answers.
 *
 * @throws {PersistenceError} DATABASE_URL_INVALID - the message never repeats the URL, which may contain a password
 */
export function postgresAddress(url: string): PostgresAddress {
  const parsed = URL.parse(url)
  if (parsed === null || !url.startsWith(`${parsed.protocol}//`)) throw invalid("is not a URL")
  const host = decoded(parsed.hostname).replace(/^\[(.*)\]$/, "$1")
  const user = decoded(parsed.username)
  const database = decoded(parsed.pathname.slice(1))
  const password = decoded(parsed.password)
  if (host === "") throw invalid("does not name a host")
  if (user === "") throw invalid("does not name a user")
  if (database === "" || database.includes("/")) throw invalid("does not name a database")
  if ([host, user, database, password].some((part) => part.includes("\0"))) throw invalid("contains a zero byte")
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
  if (!names.every((name) => parameters.includes(name)))
    throw invalid(`has a parameter other than ${parameters.join(" and ")}`)
  const isLocal =
    host.startsWith("/") || host === "localhost" || host === "::1" || (isIP(host) === 4 && /^127\./.test(host))
  const mode = search.get("sslmode") ?? (isLocal && !search.has("sslrootcert") ? "disable" : "verify-full")
  const authorityFile = search.get("sslrootcert") ?? undefined
  if (mode === "disable") {
    if (!isLocal) throw invalid("turns TLS off for a server that is not on this machine")
    if (authorityFile !== undefined) throw invalid("turns TLS off but names an sslrootcert")
    return undefined
  }
  if (mode !== "verify-full") throw invalid("has an sslmode that is neither verify-full nor disable")
  if (host.startsWith("/")) throw invalid("requests TLS on a socket")
  if (authorityFile !== undefined && !authorityFile.startsWith("/")) throw invalid("has a relative sslrootcert")
  return authorityFile === undefined ? {} : { authorityFile }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw invalid("contains a malformed escape")
  }
}

function invalid(what: string): Error {
  return persistenceError("DATABASE_URL_INVALID", `persistence.url ${what}.`)
}
