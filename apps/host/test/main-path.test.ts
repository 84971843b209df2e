import { verifyExport } from "@apeiro-cmk/audit-log"
import { describe, expect, it } from "vitest"
import { localKeystore, tenantWithKeys } from "./fixtures.ts"
import { startTestHost } from "./test-host.ts"
import { object, objects, text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

describe("main path", () => {
  it("leads from a new tenant to a data key that opens again, with each step in the audit log", async () => {
    await using host = await startTestHost()
    const { administrator } = host

    const tenant = await administrator.send("POST", "/v1/tenants", {
      body: { tenant_id: "acme", display_name: "Acme" },
    })
    expect(tenant.status).toBe(201)
    expect(tenant.headers.get("location")).toBe("/v1/tenants/acme")
    expect(tenant.body).toMatchObject({ display_name: "Acme", custody: { mode: "byok", lease_ms: 30_000 } })

    const added = await administrator.send("POST", "/v1/tenants/acme/keystores", { body: localKeystore() })
    expect(added.status).toBe(201)
    expect(added.headers.get("location")).toBe("/v1/tenants/acme/keystores/local")
    expect(added.headers.get("etag")).toMatch(/^"[a-z0-9]+-1"$/)
    expect(added.body).toMatchObject({ plugin_type: "local_keystore", plugin_name: "local", plugin_status: "inactive" })

    const tested = await administrator.expect(200, "POST", "/v1/tenants/acme/keystores/local/test")
    expect(tested.status).toBe("connection_successful")
    expect(objects(tested.steps).at(-1)).toMatchObject({ name: "l2_derivation", outcome: "passed" })

    const activated = await administrator.expect(200, "POST", "/v1/tenants/acme/keystores/local/activate")
    expect(activated).toMatchObject({
      status: "connection_successful",
      plugin_status: "active",
      l1_key_location: "local_keystore",
      key_operations_ready: true,
    })

    const serviceKey = await administrator.send("POST", "/v1/tenants/acme/service-keys", { body: { name: "payments" } })
    expect(serviceKey.status).toBe(201)
    expect(serviceKey.body).toMatchObject({ name: "payments", version: 1, state: "Active", parent: { version: 1 } })

    const path = "/v1/tenants/acme/service-keys/payments/data-keys"
    const generated = await administrator.send("POST", path, { body: {} })
    expect(generated.status).toBe(200)
    expect(generated.headers.get("cache-control")).toBe("no-store")
    expect(Buffer.from(text(generated.body.plaintext), "base64")).toHaveLength(32)
    const envelope = text(generated.body.envelope)
    const unwrapped = await administrator.expect(200, "POST", `${path}/unwrap`, { envelope })
    expect(unwrapped.plaintext).toBe(generated.body.plaintext)
    const rewrapped = await administrator.expect(200, "POST", `${path}/rewrap`, { envelope })
    expect(rewrapped.envelope).not.toBe(envelope)
    const again = await administrator.expect(200, "POST", `${path}/unwrap`, { envelope: rewrapped.envelope })
    expect(again.plaintext).toBe(generated.body.plaintext)

    const entryId = text(again.audit_entry_id)
    const entries = await waitFor("the last operation in the log", async () => {
      const answer = await administrator.expect(200, "GET", "/v1/tenants/acme/audit/entries?limit=1000")
      const found = objects(answer.entries)
      return found.some((entry) => entry.entry_id === entryId) ? found : undefined
    })
    const actions = entries.map((entry) => text(object(entry.event).action))
    for (const action of [
      "tenantOnboarding",
      "configurationCreate",
      "keystoreTest",
      "tenantKeyWrap",
      "keystoreActivate",
    ]) {
      expect(actions).toContain(action)
    }
    expect(actions.slice(-4)).toEqual(["dataKeyGenerate", "dataKeyUnwrap", "dataKeyRewrap", "dataKeyUnwrap"])
    expect(entries.map((entry) => entry.index)).toEqual(entries.map((_entry, index) => index))
  })

  it("exports an audit log that verifies offline", async () => {
    await using host = await startTestHost()
    const path = await tenantWithKeys(host, "acme")
    await host.administrator.expect(200, "POST", path, {})
    await waitFor("nothing waits", async () => {
      const answer = await host.administrator.expect(200, "GET", "/v1/tenants/acme/audit/entries")
      return answer.waiting === 0 ? true : undefined
    })
    const exported = await host.administrator.send("GET", "/v1/tenants/acme/audit/export")
    expect(exported.headers.get("content-type")).toContain("application/x-ndjson")
    const verified = await verifyExport(linesOf(exported.text))
    expect(verified).toMatchObject({ tenantId: "acme" })
    expect(verified.size).toBeGreaterThan(5)
  })

  it("shows which L1 key wraps each L2, with the audit entry and its place", async () => {
    await using host = await startTestHost()
    await tenantWithKeys(host, "acme")
    const answer = await waitFor("the entry has its place", async () => {
      const verified = await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")
      const [key] = objects(verified.tenant_keys)
      const [wrap] = objects(key?.wraps)
      return wrap?.audit_entry_index === undefined ? undefined : { verified, wrap }
    })
    expect(answer.verified.verified).toBe(true)
    expect(objects(answer.verified.service_keys)).toMatchObject([
      { name: "payments", version: 1, state: "Active", parent: { version: 1 }, opens: true },
    ])
    expect(answer.wrap).toMatchObject({ keystore_id: "local", l1_key_id: "default", opens: true, state: "good" })
    const from = String(answer.wrap.audit_entry_index)
    const page = await host.administrator.expect(200, "GET", `/v1/tenants/acme/audit/entries?from=${from}&limit=1`)
    const [entry] = objects(page.entries)
    expect(entry?.entry_id).toBe(answer.wrap.audit_entry_id)
    expect(object(entry?.event).action).toBe("tenantKeyWrap")
  })

  it("exports wraps and envelopes for recovery", async () => {
    await using host = await startTestHost()
    await tenantWithKeys(host, "acme")
    const exported = await host.administrator.expect(200, "GET", "/v1/tenants/acme/key-export")
    expect(exported).toMatchObject({ format: "apeiro-cmk/key-export/v1", tenant_id: "acme" })
    expect(objects(exported.tenant_keys)).toHaveLength(1)
    expect(objects(exported.service_keys)).toHaveLength(1)
  })

  it("keeps keys and envelopes across a restart", async () => {
    const first = await startTestHost()
    const path = await tenantWithKeys(first, "acme")
    const generated = await first.administrator.expect(200, "POST", path, {})
    await first.stop()
    await using second = await startTestHost({}, first.folder)
    const unwrapped = await second.administrator.expect(200, "POST", `${path}/unwrap`, { envelope: generated.envelope })
    expect(unwrapped.plaintext).toBe(generated.plaintext)
  })

  it("does up to 100 operations in one batch, each with its own result", async () => {
    await using host = await startTestHost()
    const path = await tenantWithKeys(host, "acme")
    const { administrator } = host
    const generated = await administrator.expect(200, "POST", path, {})
    const envelope = text(generated.envelope)
    const altered = Buffer.from(envelope, "base64")
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1
    const operations = [
      { unwrap: { envelope } },
      { unwrap: { envelope: altered.toString("base64") } },
      { rewrap: { envelope } },
      ...Array.from({ length: 97 }, () => ({ generate: {} })),
    ]
    const answer = await administrator.expect(200, "POST", `${path}/batch`, { operations })
    const results = objects(answer.results)
    expect(results).toHaveLength(100)
    expect(object(results[0]?.unwrap).plaintext).toBe(generated.plaintext)
    expect(object(results[1]?.problem)).toMatchObject({ code: "CIPHERTEXT_REJECTED", status: 400, origin: "caller" })
    expect(object(results[2]?.rewrap).envelope).toEqual(expect.any(String))
    const made = results.slice(3).map((result) => text(object(result.generate).plaintext))
    expect(new Set(made).size).toBe(97)

    const tooMany = { operations: Array.from({ length: 101 }, () => ({ generate: {} })) }
    const refused = await administrator.send("POST", `${path}/batch`, { body: tooMany })
    expect(refused.status).toBe(400)
    expect(objects(refused.body.issues)[0]).toMatchObject({ path: ["operations"] })
  })

  it("streams the steps of a test as JSON lines, even for an unsaved keystore", async () => {
    await using host = await startTestHost()
    const { administrator } = host
    await administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
    const headers = { accept: "application/x-ndjson" }
    const answer = await administrator.send("POST", "/v1/tenants/acme/keystores/test", {
      body: localKeystore(),
      headers,
    })
    expect(answer.headers.get("content-type")).toContain("application/x-ndjson")
    const lines = answer.text
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line))
    expect(lines.length).toBeGreaterThan(2)
    expect(lines.at(-1)).toEqual({ status: "connection_successful" })
    expect(await administrator.expect(200, "GET", "/v1/tenants/acme/keystores")).toEqual({ keystores: [] })

    const missing = await administrator.send("POST", "/v1/tenants/acme/keystores/nowhere/test", { headers })
    expect(missing.status).toBe(404)
    expect(missing.body).toMatchObject({ code: "KEYSTORE_NOT_FOUND" })
  })

  it("shows plugins, health and set-up material", async () => {
    await using host = await startTestHost()
    const { administrator } = host
    const plugins = objects((await administrator.expect(200, "GET", "/v1/plugins")).plugins)
    expect(plugins.map((plugin) => plugin.plugin_type)).toEqual(["local_keystore", "openbao"])
    expect(plugins.map((plugin) => plugin.state)).toEqual(["running", "running"])
    expect(await administrator.expect(200, "GET", "/v1/health")).toEqual({
      status: "ready",
      not_ready: [],
      degraded: [],
    })
    await tenantWithKeys(host, "acme")
    const health = await administrator.expect(200, "GET", "/v1/tenants/acme/keystores/local/health")
    expect(health).toMatchObject({ plugin_status: "active", last_operation: { outcome: "success" } })
    const saved = await administrator.expect(200, "GET", "/v1/tenants/acme/keystores/local/setup-material")
    const unsaved = await administrator.expect(
      200,
      "POST",
      "/v1/tenants/acme/keystores/setup-material",
      localKeystore(),
    )
    expect(unsaved).toEqual(saved)
    for (const url of [host.url, host.operationsUrl]) {
      const probes = host.client()
      expect((await probes.send("GET", new URL("/livez", url).href)).status).toBe(200)
      expect((await probes.send("GET", new URL("/readyz", url).href)).body).toEqual({ status: "ready", not_ready: [] })
    }
  })
})

async function* linesOf(text: string): AsyncGenerator<string> {
  yield* text.trim().split("\n")
}
