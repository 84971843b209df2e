import { randomBytes } from "node:crypto"
import pg from "pg"

/** Connection to a server on 127.0.0.1 as its superuser. */
interface Superuser {
  readonly port: number
  readonly superuserPassword: string
}

const host = "127.0.0.1"
const connectWithinMs = 30_000

/** Runs one statement as the superuser, on a separate connection. @returns its rows */
export async function runSql(
  { port, superuserPassword: password }: Superuser,
  statement: string,
  database = "postgres",
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({
    ...{ host, port, user: "postgres", password, database },
    ...{ connectionTimeoutMillis: connectWithinMs, ssl: false },
  })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(statement)
    return rows
  } finally {
    await client.end()
  }
}

/** Creates a role with a password and an empty database that it owns. @returns URL with the password */
export async function createDatabase(server: Superuser): Promise<string> {
  const name = `database_${process.pid}_${randomBytes(6).toString("hex")}`
  const password = randomBytes(12).toString("hex")
  await runSql(server, `create role ${name} login password '${password}'`)
  await runSql(server, `create database ${name} owner ${name}`)
  return `postgres://${name}:${password}@${host}:${server.port}/${name}`
}

/** Drops a database and its role, even while clients are connected. @param url - as {@link createDatabase} returned it */
export async function dropDatabase(server: Superuser, url: string): Promise<void> {
  const { username, pathname } = new URL(url)
  await runSql(server, `drop database if exists ${pathname.slice(1)} with (force)`)
  await runSql(server, `drop role if exists ${username}`)
}
