import { access } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type PostgresServer, postgresAvailable, startPostgres } from "../src/index.ts"

const available = await postgresAvailable()

describe.skipIf(!available)("a real PostgreSQL", () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres({ tls: true })
  })
  afterAll(async () => server?.stop())

  it("is the pinned version, speaks TLS, and does not sort in byte order", async () => {
    expect(await server.sql("select version() like 'PostgreSQL 18.4%' as pinned")).toEqual([{ pinned: true }])
    expect(await server.sql("show ssl")).toEqual([{ ssl: "on" }])
    expect(await server.sql("select 'a' < 'B' as sorted")).toEqual([{ sorted: true }])
  })

  it("requires passwords, and gives each test its own database", async () => {
    const [first, second] = [await server.createDatabase(), await server.createDatabase()]
    expect(first).not.toBe(second)
    const { pathname } = new URL(first)
    expect(await server.sql("select 1 as one", pathname.slice(1))).toEqual([{ one: 1 }])
  })

  it("keeps its port and its data across a restart and a kill", async () => {
    await server.sql("create table kept (number integer)")
    await server.restart()
    await server.kill()
    await server.start()
    expect(await server.sql("select * from kept")).toEqual([])
  })

  it("leaves nothing behind", async () => {
    const short = await startPostgres()
    await short.stop()
    await expect(access(short.folder)).rejects.toMatchObject({ code: "ENOENT" })
    await expect(short.sql("select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" })
  })
})
