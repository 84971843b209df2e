import { fileURLToPath } from "node:url"
import type { AuditPort, CallOptions, KeystoreV1, Logger, PluginAuditEvent } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { logSink, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it, onTestFinished } from "vitest"
import { Audit } from "../src/generated/apeiro/cmk/common/v1/common_pb.js"
import {
  connectPlugin,
  createSupervisor,
  KeystoreInstanceKeyOperation,
  remoteKeystorePlugin,
  type WireLogLine,
} from "../src/index.ts"

const toy = fileURLToPath(new URL("serve-audit.ts", import.meta.url))

interface Recorded {
  readonly event: PluginAuditEvent
  readonly call: Pick<CallOptions, "tenantId" | "requestId" | "keystoreId" | "traceparent">
}

const down: AuditPort = {
  record: () => Promise.reject(pluginError("INTERNAL", "canary-of-the-host's-database", "Restore it.")),
}

/** A plugin whose events go to the port; by default they are recorded at once. */
async function start(settings: { readonly port?: AuditPort; readonly yaml?: string } = {}) {
  const log: WireLogLine[] = []
  const recorded: Recorded[] = []
  const unrecorded: string[] = []
  const atOnce: AuditPort = { record: async (event, call) => void recorded.push({ event, call }) }
  const connection = await connectPlugin({
    ...{ type: "KeystoreInstanceKeyOperation", serviceName: KeystoreInstanceKeyOperation.typeName },
    ...{ path: process.execPath, args: [toy], yamlConfiguration: settings.yaml ?? "" },
    onLog: (line) => log.push(line),
    audit: {
      kind: "keystore",
      port: settings.port ?? atOnce,
      onUnrecorded: (reason) => unrecorded.push(reason),
    },
  })
  onTestFinished(() => connection.kill())
  const keystore = await remoteKeystorePlugin(connection).openKeystore({}, testCall())
  return { connection, keystore, log, recorded, unrecorded }
}

function supervised(logger: Logger, log: WireLogLine[]) {
  const recorded: PluginAuditEvent[] = []
  const connect = () =>
    connectPlugin({
      ...{ type: "KeystoreInstanceKeyOperation", serviceName: KeystoreInstanceKeyOperation.typeName },
      ...{ path: process.execPath, args: [toy], yamlConfiguration: "" },
      onLog: (line) => log.push(line),
      audit: { kind: "keystore", port: { record: async (event) => void recorded.push(event) } },
    })
  const supervisor = createSupervisor({ name: "toy", connect, clock: systemClock, logger, jitter: () => 0 })
  return { supervisor, recorded }
}

const describeKey = (keystore: KeystoreV1, keyId: string) => keystore.describeKey({ keyId }, testCall())

describe("an event that a plugin's process reports", () => {
  it("reaches the audit log with the tenant, request and keystore of its call", async () => {
    const { keystore, recorded, log } = await start()
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    const facts = { tenantId: "acme", requestId: "request-7", keystoreId: "store-1", traceparent }
    await keystore.describeKey({ keyId: "login" }, { ...testCall(), ...facts })
    const event = { action: "keystoreLogin", outcome: "success", backendRequestId: "r-1", facts: { method: "toy" } }
    expect(recorded).toEqual([{ event, call: facts }])
    expect(JSON.stringify(log)).not.toContain("keystoreLogin")
  })

  it("is acknowledged before the answer that depends on it", async () => {
    const { promise: durable, resolve: makeDurable } = Promise.withResolvers<void>()
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    const port: AuditPort = {
      record() {
        ask()
        return durable
      },
    }
    const { keystore } = await start({ port })
    let isAnswered = false
    const answer = describeKey(keystore, "login").then(() => {
      isAnswered = true
    })
    await asked
    // Two more round trips over the same socket: an answer that did not wait would have come before them.
    await describeKey(keystore, "other")
    await describeKey(keystore, "another")
    expect(isAnswered).toBe(false)
    makeDurable()
    await answer
    expect(isAnswered).toBe(true)
  })

  it("makes the login fail when the audit log cannot be written", async () => {
    const { keystore, unrecorded, log } = await start({ port: down })
    const failure = { code: "INTERNAL", origin: "host", retryable: true }
    await expect(describeKey(keystore, "login")).rejects.toMatchObject(failure)
    expect(unrecorded).toEqual(["unavailable"])
    expect(await describeKey(keystore, "other")).toMatchObject({ key: { keyId: "other" } })
    expect(JSON.stringify(log)).not.toContain("canary-of-the-host")
  })

  it("is recorded for a failed login, too, and the login fails with its own error", async () => {
    const { keystore, recorded } = await start()
    await expect(describeKey(keystore, "refused login")).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    expect(recorded).toMatchObject([{ event: { outcome: "failure", code: "CREDENTIAL_REJECTED" } }])
  })

  it("leaves a failed login with its own error when the audit log cannot be written", async () => {
    const { keystore } = await start({ port: down })
    await expect(describeKey(keystore, "refused login")).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
  })

  it.each(["another kind", "unknown action", "unknown member", "too long"])(
    "is refused where the kind has no such event, and never becomes a log line: %s",
    async (strange) => {
      const { keystore, recorded, unrecorded, log, connection } = await start()
      const failure = await describeKey(keystore, strange).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: "INTERNAL", origin: "host", retryable: false })
      expect(unrecorded).toEqual(["refused"])
      expect(recorded).toEqual([])
      expect(await describeKey(keystore, "login")).toMatchObject({ key: { keyId: "login" } })
      await connection.close()
      expect(JSON.stringify([String(failure), log, connection.lastLines()])).not.toContain("canary-in-an-event")
    },
  )

  it("is recorded from the plugin's start on", async () => {
    const { recorded } = await start({ yaml: "reportAtStart: true" })
    expect(recorded).toMatchObject([{ event: { action: "keystoreLogin" }, call: { requestId: "start" } }])
  })
})

it("a process that loses its audit stream and lives on is ended, and another one starts", async () => {
  const logger = logSink()
  const log: WireLogLine[] = []
  const { supervisor, recorded } = supervised(logger, log)
  await supervisor.start(AbortSignal.timeout(20_000))
  onTestFinished(() => supervisor.stop())
  const first = await supervisor.connection(testCall())
  // A second stream replaces the host's own, which ends.
  first.openStream(Audit.method.report, Number.POSITIVE_INFINITY).on("error", () => undefined)
  expect(await first.ended).toBe("SIGKILL")
  const reason = expect.stringContaining("ended the stream of its audit events")
  expect(logger.lines).toMatchObject([{ level: "error", fields: { lastLines: expect.arrayContaining([reason]) } }])
  expect(log).toContainEqual({ level: "error", message: reason, fields: {} })
  const second = await supervisor.connection(testCall())
  expect(second.processId).not.toBe(first.processId)
  const keystore = await remoteKeystorePlugin(second).openKeystore({}, testCall())
  await describeKey(keystore, "login")
  expect(recorded).toHaveLength(1)
})

it("every call to a keystore carries its tenant, request and keystore", async () => {
  const { keystore, connection } = await start()
  const facts = { tenantId: "acme", requestId: "request-7", keystoreId: "store-1" }
  const { identity } = await keystore.describeKey({ keyId: "k" }, { ...testCall(), ...facts })
  expect(JSON.parse(identity)).toMatchObject(facts)
  const steps = []
  for await (const step of keystore.testConnection({ ...testCall(), ...facts })) steps.push(step)
  expect(steps).toMatchObject([{ name: "caller", facts }])
  const documents = await remoteKeystorePlugin(connection).setupMaterial({}, { ...testCall(), ...facts })
  expect(documents).toMatchObject([{ text: "request-7" }])
})
