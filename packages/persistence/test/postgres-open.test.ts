import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import {
  createTestAuthority,
  type PostgresOptions,
  type PostgresServer,
  postgresAvailable,
  startPostgres,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest"
import { openDatabase } from "../src/index.ts"
import { postgresDatabase } from "./support/engines.ts"
import { tenant } from "./support/samples.ts"

const available = await postgresAvailable()

describe("a PostgreSQL URL", () => {
  it.each([
    ["no user", "postgres://db.internal/cmk", /not name a user/],
    ["no database", "postgres://user:secret@db.internal/", /not name a database/],
    ["no host", "postgres:user:secret", /not a URL/],
    ["a fragment", "postgres://user:secret@127.0.0.1/cmk#x", /fragment/],
    [
      "an unknown parameter",
      "postgres://user:secret@127.0.0.1/cmk?options=-csynchronous_commit=off",
      /a parameter other than/,
    ],
    ["a parameter twice", "postgres://user:secret@127.0.0.1/cmk?sslmode=disable&sslmode=disable", /twice/],
    ["TLS without verification", "postgres://user:secret@db.internal/cmk?sslmode=require", /verify-full/],
    ["no TLS to another machine", "postgres://user:secret@db.internal/cmk?sslmode=disable", /not on this machine/],
    ["a relative authority file", "postgres://user:secret@db.internal/cmk?sslrootcert=ca.pem", /relative/],
    [
      "an authority file that is not there",
      "postgres://user:secret@db.internal/cmk?sslrootcert=/none.pem",
      /none\.pem/,
    ],
    ["a malformed escape", "postgres://user:secret@127.0.0.1/c%ZZmk", /escape/],
  ])("with %s is refused, without repeating it", async (_what, url, message) => {
    const opening = openDatabase({ url })
    await expect(opening).rejects.toMatchObject({
      code: "DATABASE_URL_INVALID",
      origin: "host",
      message: expect.stringMatching(message),
    })
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining("secret") })
  })
})

describe.skipIf(!available)("opening a PostgreSQL database", () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(async () => server?.stop())

  it("makes the schema once, even when several hosts start at the same time", async () => {
    const { open } = await postgresDatabase(server)
    const [first, ...others] = await Promise.all([open(), open(), open()])
    await first.tenants.insertTenant(tenant(), [])
    for (const other of others) expect(await other.tenants.tenants({ limit: 100 })).toEqual([tenant()])
  })

  it("identifies itself to the server, and flushes each commit whatever the server's default", async () => {
    const { url, open } = await postgresDatabase(server)
    await open({ applicationName: "apeiro-cmk replica-1" }).then((database) => database.ping())
    const { pathname } = new URL(url)
    const sessions = await server.sql(
      `select application_name from pg_stat_activity where datname = '${pathname.slice(1)}'`,
    )
    expect(sessions).toContainEqual({ application_name: "apeiro-cmk replica-1" })
  })

  it("reads nothing from the environment", async () => {
    const url = new URL(await server.createDatabase())
    const { password } = url
    url.password = ""
    const variables = { PGPASSWORD: password, PGOPTIONS: "-c default_transaction_read_only=on", PGSSLMODE: "require" }
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(openDatabase({ url: url.href })).rejects.toMatchObject({
      code: "DATABASE_ACCESS_DENIED",
      message: expect.stringContaining("none is configured"),
    })
    const database = await openDatabase({ url: url.href, readPassword: async () => password })
    onTestFinished(() => database.close())
    await database.tenants.insertTenant(tenant(), [])
  })

  it("connects over a Unix socket", async () => {
    const url = new URL(await server.createDatabase())
    const socketUrl = `postgres://${url.username}:${url.password}@${encodeURIComponent(server.folder)}:${url.port}${url.pathname}`
    const database = await openDatabase({ url: socketUrl })
    onTestFinished(() => database.close())
    await expect(database.ping()).resolves.toBeUndefined()
  })

  it("refuses a schema made by a newer version or by another program, and leaves it untouched", async () => {
    const newer = await postgresDatabase(server)
    await (await newer.open()).close()
    const name = (url: string) => new URL(url).pathname.slice(1)
    await server.sql("insert into kysely_migration values ('9999-from-the-future', '2099-01-01')", name(newer.url))
    await expect(newer.open()).rejects.toMatchObject({
      code: "SCHEMA_NEWER",
      message: expect.stringContaining("9999-from-the-future"),
    })
    const foreign = await postgresDatabase(server)
    await server.sql("create table invoices (number integer)", name(foreign.url))
    await expect(foreign.open()).rejects.toMatchObject({
      code: "DATABASE_CORRUPT",
      message: expect.stringContaining("another program"),
    })
  })

  it("allows another program its own schema in the same database", async () => {
    const { url, open } = await postgresDatabase(server)
    const name = new URL(url).pathname.slice(1)
    await server.sql("create schema other", name)
    await server.sql("create table other.invoices (number integer)", name)
    await server.sql(`grant usage on schema other to ${name}`, name)
    await expect(open().then((database) => database.ping())).resolves.toBeUndefined()
  })

  it("reports what is wrong with user, password, database and privileges, and shows no password", async () => {
    const url = await server.createDatabase()
    const changed = (change: (url: URL) => void) => {
      const other = new URL(url)
      change(other)
      return other.href
    }
    const wrongPassword = changed((other) => {
      other.password = "CANARY-password"
    })
    const refusal = await openDatabase({ url: wrongPassword }).catch((error: unknown) => error)
    expect(refusal).toMatchObject({
      code: "DATABASE_ACCESS_DENIED",
      origin: "host",
      retryable: false,
      message: expect.stringContaining(`at 127.0.0.1:${server.port}`),
      nextStep: expect.stringMatching(/persistence\.password/),
    })
    expect(
      JSON.stringify([refusal, Object(refusal).message, Object(refusal).stack, Object(refusal).cause]),
    ).not.toContain("CANARY")
    const withoutPassword = changed((other) => {
      other.password = ""
    })
    await expect(openDatabase({ url: withoutPassword })).rejects.toMatchObject({ code: "DATABASE_ACCESS_DENIED" })
    const unreadable = { url: withoutPassword, readPassword: () => Promise.reject(new Error("no file")) }
    await expect(openDatabase(unreadable)).rejects.toMatchObject({
      code: "DATABASE_ACCESS_DENIED",
      message: expect.stringContaining("cannot be read"),
    })
    const noDatabase = changed((other) => {
      other.pathname = "/none"
    })
    await expect(openDatabase({ url: noDatabase })).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      nextStep: expect.stringMatching(/Create the database/),
    })
    const notItsOwn = changed((other) => {
      other.pathname = "/postgres"
    })
    await expect(openDatabase({ url: notItsOwn })).rejects.toMatchObject({
      code: "DATABASE_ACCESS_DENIED",
      nextStep: expect.stringMatching(/privileges/),
    })
  })

  it("reports that no server listens", async () => {
    await expect(openDatabase({ url: "postgres://user:secret@127.0.0.1:1/cmk" })).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      retryable: true,
      message: "The database server cannot be reached. (cmk at 127.0.0.1:1)",
      nextStep: expect.stringMatching(/Check that the server runs/),
    })
  })
})

describe.skipIf(!available)("TLS to PostgreSQL", () => {
  const started = async (options: PostgresOptions) => {
    const server = await startPostgres(options)
    onTestFinished(() => server.stop())
    const url = new URL(await server.createDatabase())
    url.searchParams.set("sslmode", "verify-full")
    const trusting = async (certificate: string | undefined) => {
      const file = join(server.folder, "authority.pem")
      await writeFile(file, certificate ?? "")
      url.searchParams.set("sslrootcert", file)
      return url.href
    }
    return { server, url, trusting }
  }
  const unproven = {
    code: "DATABASE_UNAVAILABLE",
    message: expect.stringContaining("could not prove its identity"),
    nextStep: expect.stringMatching(/sslrootcert/),
  }

  it("is verified against the authority in the URL, and no other", async () => {
    const { server, url, trusting } = await started({ tls: true })
    const database = await openDatabase({ url: await trusting(server.authority?.certificate) })
    onTestFinished(() => database.close())
    await database.ping()
    const [session] = await server.sql("select count(*)::int as encrypted from pg_stat_ssl where ssl")
    expect(session?.encrypted).toBeGreaterThan(0)
    const other = await createTestAuthority("somebody else")
    await expect(openDatabase({ url: await trusting(other.certificate) })).rejects.toMatchObject(unproven)
    url.searchParams.delete("sslrootcert")
    await expect(openDatabase({ url: url.href })).rejects.toMatchObject(unproven)
  })

  it("is refused when the certificate names another host, even for an IP address", async () => {
    const { server, url, trusting } = await started({ tls: { commonName: "postgres", dnsNames: ["localhost"] } })
    const byAddress = await trusting(server.authority?.certificate)
    await expect(openDatabase({ url: byAddress })).rejects.toMatchObject(unproven)
    url.hostname = "localhost"
    const database = await openDatabase({ url: url.href })
    onTestFinished(() => database.close())
    await expect(database.ping()).resolves.toBeUndefined()
  })

  it("is required: a server without TLS is refused", async () => {
    const { url } = await started({})
    await expect(openDatabase({ url: url.href })).rejects.toMatchObject(unproven)
  })
})
