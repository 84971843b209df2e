import { type PostgresServer, postgresAvailable, startPostgres } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { verifiedSize, wholeAudit } from "./audit-reading.ts"
import { tenantWithKeys } from "./fixtures.ts"
import { hostClient } from "./host-client.ts"
import { startHostProcess } from "./host-process.ts"
import { partsOf } from "./list-parts.ts"
import { startLoad } from "./load.ts"
import { administratorToken, startTestHost, testFolder } from "./test-host.ts"
import { waitFor } from "./wait-for.ts"

const available = await postgresAvailable()

describe.skipIf(!available)("two hosts on one PostgreSQL, both under load,", () => {
  let server: PostgresServer
  beforeAll(async () => {
    // As in production: an answer depends on a flush to the disk.
    server = await startPostgres({ durable: true })
  })
  afterAll(async () => server?.stop())

  const twoHosts = async () => {
    const databaseUrl = await server.createDatabase()
    const folder = await testFolder({ databaseUrl })
    const host = await startTestHost({ replica: "staying" }, folder)
    onTestFinished(() => host[Symbol.asyncDispose]())
    await tenantWithKeys(host, "acme")
    const otherFolder = await testFolder({ databaseUrl, besides: folder })
    onTestFinished(() => otherFolder.remove())
    return { host, otherFolder, databaseUrl }
  }

  const expectEverything = async (
    host: Awaited<ReturnType<typeof startTestHost>>,
    loads: ReturnType<typeof startLoad>[],
  ) => {
    const entries = await wholeAudit(host.administrator, "acme")
    expect(entries.map((entry) => entry.index)).toEqual([...entries.keys()])
    const recorded = new Set(entries.map((entry) => entry.entry_id))
    const answered = loads.flatMap((load) => load.answered)
    expect(answered.filter(({ entryId }) => !recorded.has(entryId))).toEqual([])
    expect(await verifiedSize(host.administrator, "acme")).toBe(entries.length)
    const listed = await partsOf(host.administrator, "/v1/tenants/acme/service-keys?limit=500", "service_keys")
    const names = new Set(listed.flat().map((key) => key.name))
    expect(loads.flatMap((load) => load.created).filter((name) => !names.has(name))).toEqual([])
    const unwrap = "/v1/tenants/acme/service-keys/payments/data-keys/unwrap"
    for (const { envelope, plaintext } of answered.slice(-20)) {
      expect(await host.administrator.expect(200, "POST", unwrap, { envelope })).toMatchObject({ plaintext })
    }
  }

  it("lose no answered request when one is killed, and the other continues without a failure", async () => {
    const { host, otherFolder } = await twoHosts()
    const child = await startHostProcess(otherFolder)
    const dying = startLoad(hostClient(child.apiUrl, await administratorToken(otherFolder)), "acme", "dying")
    const staying = startLoad(host.administrator, "acme", "staying")
    const reaches = (load: typeof dying, count: number) => () => (load.answered.length > count ? true : undefined)
    await waitFor("load on both", () => reaches(dying, 200)() && reaches(staying, 200)(), 60_000)
    child.kill("SIGKILL")
    expect(await child.ended).toBe("SIGKILL")
    await waitFor("load after it", reaches(staying, staying.answered.length + 200), 60_000)
    await Promise.all([dying.stop(), staying.stop()])
    expect(staying.refused).toEqual([])
    await expectEverything(host, [dying, staying])
  }, 120_000)

  it("keep one log when one is paused and wakes up while the other writes", async () => {
    const { host, otherFolder } = await twoHosts()
    const child = await startHostProcess(otherFolder)
    onTestFinished(() => child.kill("SIGKILL"))
    const pausing = startLoad(hostClient(child.apiUrl, await administratorToken(otherFolder)), "acme", "pausing")
    const staying = startLoad(host.administrator, "acme", "staying")
    const more = async (load: typeof staying, count: number) => {
      const aim = load.answered.length + count
      await waitFor("more load", () => (load.answered.length > aim ? true : undefined), 60_000)
    }
    for (let pause = 0; pause < 3; pause += 1) {
      await Promise.all([more(pausing, 100), more(staying, 100)])
      child.kill("SIGSTOP")
      await more(staying, 300)
      child.kill("SIGCONT")
    }
    await more(pausing, 100)
    await Promise.all([pausing.stop(), staying.stop()])
    expect(staying.refused).toEqual([])
    // After a long pause the server has ended the transactions of the paused host.
    for (const refusal of pausing.refused) expect(refusal).toContain('"retryable":true')
    await expectEverything(host, [pausing, staying])
  }, 120_000)

  it("lose no answered request when the server is killed, refuse while it is gone, and recover on their own", async () => {
    const { host, databaseUrl } = await twoHosts()
    const load = startLoad(host.administrator, "acme", "before")
    await waitFor("load", () => (load.answered.length > 200 ? true : undefined), 60_000)
    await server.kill()
    await load.stop()
    const path = "/v1/tenants/acme/service-keys/payments/data-keys"
    const refused = await host.administrator.send("POST", path, { body: {} })
    const body = { code: "DATABASE_UNAVAILABLE", origin: "host", retryable: true }
    expect(refused).toMatchObject({ status: 503, body })
    expect(refused.body.next_step).toMatch(/server runs/)
    expect(refused.text).not.toContain(new URL(databaseUrl).username)
    expect((await host.client().send("GET", "/readyz")).status).toBe(503)
    await server.start()
    await host.administrator.expect(200, "POST", path, {})
    await waitFor("ready", async () => ((await host.client().send("GET", "/readyz")).status === 200 ? true : undefined))
    await expectEverything(host, [load])
  }, 120_000)
})
