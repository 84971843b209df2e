import { createRequire } from "node:module"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { startReferenceBackend } from "@apeiro-cmk/test-contracts"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { wholePlatformAudit } from "./audit-reading.ts"
import { tenantClient } from "./fixtures.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { object } from "./values.ts"
import { waitFor } from "./wait-for.ts"

const kit = dirname(createRequire(import.meta.url).resolve("@apeiro-cmk/test-contracts/package.json"))

const identityPlugin = (address: string, apiKey: string) => ({
  ...{ name: "directory", type: "identity", path: process.execPath },
  args: [join(kit, "src/reference/serve.ts"), "identity"],
  yamlConfiguration: JSON.stringify({
    allowedEndpoints: ["http://127.0.0.1:*"],
    allowedAddresses: ["127.0.0.0/8"],
    address,
    api_key: apiKey,
  }),
})

describe("a plugin that the operator configures once", () => {
  let backend: Awaited<ReturnType<typeof startReferenceBackend>>
  let host: TestHost

  beforeAll(async () => {
    backend = await startReferenceBackend("identity")
    const identity = identityPlugin(`http://127.0.0.1:${backend.port}`, backend.apiKey)
    const broken = { path: process.execPath, args: ["-e", "process.exit(3)"], onFailure: "continue" }
    host = await startTestHost(
      {},
      {
        plugins: [identity, { name: "alerts", type: "notification", ...broken }],
      },
    )
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await backend.close()
  })

  it("is tested by the platform's administrator, and the test is in the platform's audit log", async () => {
    const answer = await host.administrator.expect(200, "POST", "/v1/plugins/directory/test", {})
    expect(answer).toMatchObject({
      status: "connection_successful",
      steps: [{ name: "authentication", outcome: "passed" }],
    })
    const entries = await wholePlatformAudit(host.administrator)
    const about = { resource: { type: "plugin", id: "directory" }, facts: { steps: { authentication: "passed" } } }
    expect(eventsOf(entries, "pluginTest")).toMatchObject([{ outcome: "success", ...about }])
  })

  it("says in its test what is wrong with its backend", async () => {
    const serving = await startTestHost({}, { plugins: [identityPlugin(`http://127.0.0.1:${backend.port}`, "wrong")] })
    await using _host = serving
    const answer = await serving.administrator.expect(200, "POST", "/v1/plugins/directory/test", {})
    const failed = { name: "authentication", outcome: "failed", code: "CREDENTIAL_REJECTED" }
    expect(answer).toMatchObject({ status: "connection_failed", steps: [failed] })
    const entries = await wholePlatformAudit(serving.administrator)
    const failure = { outcome: "failure", code: "CREDENTIAL_REJECTED", origin: "backend" }
    expect(eventsOf(entries, "pluginTest")).toMatchObject([failure])
  })

  it.each(["application/json", "application/x-ndjson"])(
    "is recorded as tested although the caller leaves before the first step (%s)",
    async (accept) => {
      const silent = createServer(() => undefined)
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
      const address = `http://127.0.0.1:${Object(silent.address()).port}`
      await using hanging = await startTestHost({}, { plugins: [identityPlugin(address, "any")] })
      const leaving = new AbortController()
      const connected = new Promise((resolve) => silent.once("connection", resolve))
      const options = { body: {}, headers: { accept }, signal: leaving.signal }
      const test = hanging.administrator.send("POST", "/v1/plugins/directory/test", options)
      await connected
      leaving.abort()
      await expect(test).rejects.toThrow()
      const events = await waitFor("the test is recorded", async () => {
        const found = eventsOf(await wholePlatformAudit(hanging.administrator), "pluginTest")
        return found.length > 0 ? found : undefined
      })
      expect(events).toMatchObject([{ outcome: "failure", code: "CANCELLED", origin: "caller" }])
      silent.close()
    },
  )

  it("gives the documents with which its backend is prepared", async () => {
    const answer = await host.administrator.expect(200, "GET", "/v1/plugins/directory/setup-material")
    expect(answer).toMatchObject({ documents: [{ file_name: "allow-api-key.txt" }] })
  })

  it("is not the tenants' to test", async () => {
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
    const tenant = await tenantClient(host, "acme", "administrator")
    await tenant.expect(403, "POST", "/v1/plugins/directory/test", {})
    await tenant.expect(403, "GET", "/v1/plugins/directory/setup-material")
  })

  it.each([
    ["keystores are tested one by one", "local-keystore", 501, "UNSUPPORTED", "/v1/tenants/"],
    ["the profile has no plugin of that name", "nobody", 404, "NOT_FOUND", ""],
    ["it does not run", "alerts", 503, "UNREACHABLE", ""],
  ])("is not tested where %s", async (_, name, status, code, nextStep) => {
    const test = await host.administrator.send("POST", `/v1/plugins/${name}/test`, { body: {} })
    expect(test).toMatchObject({ status, body: { code, next_step: expect.stringContaining(nextStep) } })
    const material = await host.administrator.send("GET", `/v1/plugins/${name}/setup-material`)
    expect(material).toMatchObject({ status, body: { code } })
  })
})

function eventsOf(entries: readonly Record<string, unknown>[], action: string) {
  return entries.map(({ event }) => object(event)).filter((event) => event.action === action)
}
