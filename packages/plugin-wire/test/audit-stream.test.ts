import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import type { AuditPort, PluginAuditEvent } from "@apeiro-cmk/plugin-interface"
import { type FakeClock, fakeClock } from "@apeiro-cmk/plugin-sdk/testing"
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js"
import { describe, expect, it, onTestFinished } from "vitest"
import { openAuditReports } from "../src/host/audit-receipts.ts"
import { AuditReports } from "../src/serve/audit-reports.ts"

const event: PluginAuditEvent<"keystore"> = { action: "keystoreLogin", outcome: "success" }
const call = { tenantId: "acme", requestId: "r", keystoreId: "k" }
const lost = { code: "UNREACHABLE", origin: "host", retryable: true }
/** A record that is refused, unlike one that the log cannot take now. */
const refused = { code: "INTERNAL", origin: "host", retryable: false }
const recordsAll: AuditPort = { record: async () => undefined }

/** Both ends of the stream in one process, over a socket. */
async function setUp(options: { readonly clock?: FakeClock; readonly hasService?: boolean } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "audit-"))
  const logged: unknown[] = []
  const server = new Server()
  const audit = new AuditReports<"keystore">(options.clock ?? fakeClock(), (each) => logged.push(each))
  if (options.hasService !== false) audit.addTo(server)
  const address = `unix:${path.join(folder, "socket")}`
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()))
  })
  const client = new Client(address, credentials.createInsecure())
  onTestFinished(async () => {
    client.close()
    server.forceShutdown()
    await rm(folder, { recursive: true })
  })
  const { promise: lostStream, resolve: onLost } = Promise.withResolvers<"lost">()
  const open = (port: AuditPort = recordsAll) =>
    openAuditReports(client, { kind: "keystore", port }, 10_000, () => onLost("lost"))
  return { audit, open, logged, lostStream }
}

/** A port that reports when it is asked, and never records. */
function silentPort() {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const port: AuditPort = {
    record() {
      resolve()
      return new Promise(() => undefined)
    },
  }
  return { asked, port }
}

describe("the stream of a plugin's events", () => {
  it("is not needed under a host that opens none: events go to the log", async () => {
    const { audit, logged } = await setUp()
    await audit.record(event, call)
    expect(logged).toEqual([event])
  })

  it("matches each acknowledgement with its event", async () => {
    const { audit, open } = await setUp()
    const first = Promise.withResolvers<void>()
    let times = 0
    await open({ record: () => (times++ === 0 ? first.promise : Promise.resolve()) })
    const outcomes: string[] = []
    const slow = audit.record(event, call).then(() => outcomes.push("slow"))
    await audit.record(event, call).then(() => outcomes.push("fast"))
    first.resolve()
    await slow
    expect(outcomes).toEqual(["fast", "slow"])
  })

  it("rejects pending and later events when it is lost, and never logs them", async () => {
    const { audit, open, logged, lostStream } = await setUp()
    const { asked, port } = silentPort()
    const end = await open(port)
    const waiting = expect(audit.record(event, call)).rejects.toMatchObject(lost)
    await asked
    end?.()
    await waiting
    await expect(audit.record(event, call)).rejects.toMatchObject(lost)
    expect(logged).toEqual([])
    expect(await Promise.race([lostStream, Promise.resolve("ended by the host")])).toBe("ended by the host")
  })

  it("rejects an event that the host does not acknowledge in time", async () => {
    const clock = fakeClock()
    const { audit, open } = await setUp({ clock })
    const { asked, port } = silentPort()
    await open(port)
    const waiting = expect(audit.record(event, call)).rejects.toMatchObject(lost)
    await asked
    await clock.advance(6_800)
    await waiting
  })

  it("is replaced by the next one", async () => {
    const { audit, open } = await setUp()
    const { asked, port } = silentPort()
    await open(port)
    const waiting = expect(audit.record(event, call)).rejects.toMatchObject(lost)
    await asked
    await open()
    await waiting
    await audit.record(event, call)
  })

  it("rejects pending events when the plugin ends it, and the host learns of the loss", async () => {
    const { audit, open, lostStream } = await setUp()
    const { asked, port } = silentPort()
    await open(port)
    const waiting = expect(audit.record(event, call)).rejects.toMatchObject(lost)
    await asked
    audit.end()
    await waiting
    expect(await lostStream).toBe("lost")
  })

  it("is absent in a process of upstream's SDK", async () => {
    const { open } = await setUp({ hasService: false })
    expect(await open()).toBeUndefined()
  })

  it.each([
    ["no tenant", { ...call, tenantId: "" }],
    ["a tenant id in upper case", { ...call, tenantId: "Acme" }],
    ["a tenant id beyond its bound", { ...call, tenantId: "a".repeat(41) }],
    ["another id with an underscore", { ...call, tenantId: "_other" }],
    ["a tenant id with a line feed", { ...call, tenantId: "acme\n" }],
    ["no request", { ...call, requestId: "" }],
    ["a request id beyond its bound", { ...call, requestId: "r".repeat(129) }],
    ["a keystore id beyond its bound", { ...call, keystoreId: "k".repeat(64) }],
  ])("refuses an event of a call with %s", async (_name, strange) => {
    const { audit, open } = await setUp()
    await open()
    await expect(audit.record(event, strange)).rejects.toMatchObject(refused)
  })

  it.each(["", "lower_case", "1_DIGIT_FIRST", "A".repeat(65), "A\n"])(
    "refuses an event whose code is %j",
    async (code) => {
      const { audit, open } = await setUp()
      await open()
      await expect(audit.record({ ...event, outcome: "failure", code }, call)).rejects.toMatchObject(refused)
    },
  )

  it.each(["a", "a".repeat(40), "_platform"])("takes an event of the tenant %s", async (tenantId) => {
    const { audit, open } = await setUp()
    await open()
    const failed = { ...event, outcome: "failure", code: "A".repeat(64) } as const
    await expect(audit.record(failed, { ...call, tenantId })).resolves.toBeUndefined()
  })
})
