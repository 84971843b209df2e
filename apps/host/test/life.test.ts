import { chmod, stat, writeFile } from "node:fs/promises"
import { createConnection } from "node:net"
import { join } from "node:path"
import { loadProfile } from "@apeiro-cmk/host-runtime"
import { type Database, type DatabaseOptions, openDatabase } from "@apeiro-cmk/persistence"
import { logSink } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { createHost } from "../src/host.ts"
import { tenantWithKeys } from "./fixtures.ts"
import { hostClient } from "./host-client.ts"
import { startHostProcess } from "./host-process.ts"
import { administratorToken, startTestHost, testFolder } from "./test-host.ts"
import { objects, text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

describe("start", () => {
  it("says which port is in use and what to do, and releases everything", async () => {
    await using other = await startTestHost()
    const folder = await testFolder()
    const apiPort = Number(new URL(other.url).port)
    const options = { profilePath: folder.profilePath, environment: {}, logger: logSink() }
    const failing = createHost({ ...options, overrides: { apiPort } })
    await expect(failing.start()).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(String(apiPort)),
      nextStep: expect.stringContaining("listeners.api.port"),
    })
    await failing.stop()
    // Nothing is held any longer: another host starts on the same folder.
    await using next = await startTestHost({}, folder)
    expect((await next.client().send("GET", "/readyz")).status).toBe(200)
  })

  it("refuses a data directory or a token file that other users can read", async () => {
    const folder = await testFolder()
    const start = () => createHost({ profilePath: folder.profilePath, environment: {}, logger: logSink() }).start()
    const host = await startTestHost({}, folder)
    await host.stop()
    await chmod(folder.dataDirectory, 0o755)
    await expect(start()).rejects.toMatchObject({ code: "DATA_DIRECTORY_EXPOSED" })
    await chmod(folder.dataDirectory, 0o700)
    await chmod(join(folder.dataDirectory, "administrator.header"), 0o644)
    await expect(start()).rejects.toMatchObject({ code: "ADMINISTRATOR_TOKEN_EXPOSED" })
    await writeFile(join(folder.dataDirectory, "administrator.header"), "nothing")
    await chmod(join(folder.dataDirectory, "administrator.header"), 0o600)
    await expect(start()).rejects.toMatchObject({ code: "ADMINISTRATOR_TOKEN_INVALID" })
    await folder.remove()
  })

  it("refuses a database that another host uses", async () => {
    await using host = await startTestHost()
    const second = createHost({ profilePath: host.folder.profilePath, environment: {}, logger: logSink() })
    await expect(second.start()).rejects.toMatchObject({ code: "DATABASE_IN_USE" })
  })
})

describe("a plugin that may fail", () => {
  it("leaves the host serving, and appears in the health and in the catalog", async () => {
    const folder = await testFolder()
    const profile = await loadProfile(folder.profilePath, { environment: {} })
    const [local] = profile.plugins
    if (local === undefined) throw new Error("no plugin")
    const missing = { ...local, name: "missing", package: "@example/not-installed", onFailure: "continue" } as const
    const log = logSink()
    const host = createHost({ profile: { ...profile, plugins: [local, missing] }, environment: {}, logger: log })
    const { apiUrl } = await host.start()
    const client = hostClient(apiUrl, await administratorToken(folder))
    expect((await client.send("GET", "/readyz")).status).toBe(200)
    const health = await client.expect(200, "GET", "/v1/health")
    expect(health).toMatchObject({ status: "degraded", degraded: [{ component: "plugin:missing" }] })
    const plugins = objects((await client.expect(200, "GET", "/v1/plugins")).plugins)
    expect(plugins[1]).toMatchObject({ name: "missing", state: "failed", error: { code: "PLUGIN_PACKAGE_NOT_FOUND" } })
    await host.stop()
    await folder.remove()
  })
})

describe("stop", () => {
  it("finishes the accepted work under load, then refuses connections, and records start and stop", async () => {
    const host = await startTestHost()
    const path = await tenantWithKeys(host, "acme")
    const outcomes: (number | "refused")[] = []
    let stopped = false
    const load = Array.from({ length: 20 }, async () => {
      while (!stopped) {
        const answer = await host.administrator.send("POST", path, { body: {} }).catch(() => undefined)
        outcomes.push(answer?.status ?? "refused")
        if (answer?.status !== 200) return
      }
    })
    await waitFor("load", () => (outcomes.length > 50 ? true : undefined))
    await host.stop()
    stopped = true
    await Promise.all(load)
    expect(outcomes.filter((outcome) => ![200, 503, "refused"].includes(outcome))).toEqual([])
    await expect(host.administrator.send("GET", "/livez")).rejects.toThrow()

    await using next = await startTestHost({}, host.folder)
    const log = await next.administrator.expect(200, "GET", "/v1/platform/audit/entries")
    const actions = objects(log.entries).map((entry) => JSON.stringify(entry.event))
    expect(actions.some((event) => event.includes("hostStop"))).toBe(true)
    const answered = outcomes.filter((outcome) => outcome === 200).length
    const entries = await next.administrator.expect(200, "GET", "/v1/tenants/acme/audit/entries?limit=1000")
    const generated = objects(entries.entries).filter((entry) =>
      JSON.stringify(entry.event).includes("dataKeyGenerate"),
    )
    // The last run of the sequencer took all entries: none waits after a stop.
    expect(generated.length).toBeGreaterThanOrEqual(answered)
  })

  it("answers each request that it accepted before, and says meanwhile that it is shutting down", async () => {
    const { opened, openTesting } = testingDatabase()
    let admitted = 0
    const host = await startTestHost({
      openDatabase: async (options) => {
        const database = await openTesting(options)
        const { tenants } = database
        const counting: Database["tenants"] = {
          insertTenant: (record, audit) => tenants.insertTenant(record, audit),
          tenants: (page) => tenants.tenants(page),
          tenant: (tenantId) => {
            admitted++
            return tenants.tenant(tenantId)
          },
        }
        return { ...database, tenants: counting }
      },
    })
    const path = await tenantWithKeys(host, "acme")
    const endStall = await opened[0]?.testing?.stallWriter()
    admitted = 0
    const accepted = Array.from({ length: 10 }, () => host.administrator.send("POST", path, { body: {} }))
    await waitFor("ten requests inside", () => (admitted === 10 ? true : undefined))
    const stopping = host.stop()
    const operations = hostClient(host.operationsUrl)
    for (const probes of [operations, host.client()]) {
      const ready = await probes.send("GET", "/readyz")
      expect(ready.status).toBe(503)
      expect(objects(ready.body.not_ready)[0]).toMatchObject({ component: "host" })
      expect((await probes.send("GET", "/livez")).status).toBe(200)
    }
    const refused = await host.administrator.send("POST", path, { body: {} })
    expect(refused).toMatchObject({ status: 503, body: { code: "SHUTTING_DOWN", retryable: true } })
    expect(refused.headers.get("connection")).toBe("close")
    endStall?.()
    for (const answer of await Promise.all(accepted)) expect(answer.status).toBe(200)
    await stopping
    await expect(operations.send("GET", "/livez")).rejects.toThrow()
    await host.folder.remove()
  })

  it("ends in order at SIGTERM", async () => {
    const folder = await testFolder()
    const child = await startHostProcess(folder)
    child.kill("SIGTERM")
    expect(await child.ended).toBe(0)
    await folder.remove()
  })

  it("ends at once at a second signal", async () => {
    const folder = await testFolder()
    const child = await startHostProcess(folder)
    // A request whose body never arrives keeps the host from stopping.
    const pending = hangingRequest(child.apiUrl, await administratorToken(folder))
    await pending.sent
    const client = hostClient(child.apiUrl)
    child.kill("SIGTERM")
    await waitFor("the stop begins", async () =>
      (await client.send("GET", "/readyz")).status === 503 ? true : undefined,
    )
    child.kill("SIGTERM")
    expect(await child.ended).toBe(143)
    pending.end()
    await folder.remove()
  })
})

describe("a stalled or dead database", () => {
  it("keeps /livez answering, and /readyz naming what is not ready, until the stall ends", async () => {
    const { opened, openTesting } = testingDatabase()
    await using host = await startTestHost({ openDatabase: openTesting })
    const path = await tenantWithKeys(host, "acme")
    const endStall = await opened[0]?.testing?.stallWriter()
    const waiting = host.administrator.send("POST", path, { body: {} })
    for (const url of [host.url, host.operationsUrl]) {
      expect((await host.client().send("GET", new URL("/livez", url).href)).status).toBe(200)
      const ready = await host.client().send("GET", new URL("/readyz", url).href)
      expect(ready.status).toBe(503)
      expect(objects(ready.body.not_ready)[0]).toMatchObject({ component: "database" })
    }
    endStall?.()
    expect((await waiting).status).toBe(200)
    expect((await host.client().send("GET", "/readyz")).status).toBe(200)
  })

  it("refuses when the disk is full, and has every answered request in the log afterwards", async () => {
    const first = await startTestHost()
    const path = await tenantWithKeys(first, "acme")
    await first.stop()
    const { size } = await stat(join(first.folder.dataDirectory, "host.sqlite"))
    const maxPageCount = size / 4096 + 8
    const full = await startTestHost(
      { openDatabase: (options) => openDatabase({ ...options, testing: { maxPageCount } }) },
      first.folder,
    )
    const answered: string[] = []
    const refusal = await waitFor("a refusal", async () => {
      const answer = await full.administrator.send("POST", path, { body: {} })
      if (answer.status !== 200) return answer
      answered.push(text(answer.body.audit_entry_id))
      return undefined
    })
    expect(refusal.status).toBe(503)
    expect(text(refusal.body.code)).toMatch(/^(AUDIT_UNAVAILABLE|DATABASE_FULL)$/)
    expect(refusal.body).not.toHaveProperty("plaintext")
    await waitFor("a host that is not ready", async () =>
      (await full.client().send("GET", "/readyz")).status === 503 ? true : undefined,
    )
    await full.stop()
    await using next = await startTestHost({}, first.folder)
    await next.administrator.expect(200, "POST", path, {})
    const recorded = await waitFor("nothing waits", async () => {
      const page = await next.administrator.expect(200, "GET", "/v1/tenants/acme/audit/entries?limit=1000")
      return page.waiting === 0 ? new Set(objects(page.entries).map((entry) => entry.entry_id)) : undefined
    })
    expect(answered.filter((entryId) => !recorded.has(entryId))).toEqual([])
  })

  it("serves nothing without its audit entry", async () => {
    const { opened, openTesting } = testingDatabase()
    await using host = await startTestHost({ openDatabase: openTesting })
    const path = await tenantWithKeys(host, "acme")
    await opened[0]?.testing?.killWriter()
    const answer = await host.administrator.send("POST", path, { body: {} })
    expect(answer.status).toBe(503)
    expect(text(answer.body.code)).toMatch(/^(AUDIT_UNAVAILABLE|DATABASE_UNAVAILABLE)$/)
    expect(answer.body).not.toHaveProperty("plaintext")
    expect((await host.client().send("GET", "/livez")).status).toBe(200)
  })
})

/** Opens databases with faults on demand, and remembers them. */
function testingDatabase() {
  const opened: Database[] = []
  const openTesting = async (options: DatabaseOptions) => {
    const database = await openDatabase({ ...options, testing: {} })
    opened.push(database)
    return database
  }
  return { opened, openTesting }
}

/** Sends the head of a request whose body never arrives. */
function hangingRequest(url: string, token: string): { readonly sent: Promise<void>; end(): void } {
  const { hostname, port } = new URL(url)
  const socket = createConnection({ host: hostname, port: Number(port) })
  socket.on("error", () => undefined)
  const head = `POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n`
  const sent = new Promise<void>((resolve) => {
    // The interim answer says that the request has been accepted.
    socket.once("data", () => resolve())
    socket.write(head)
  })
  return { sent, end: () => socket.destroy() }
}
