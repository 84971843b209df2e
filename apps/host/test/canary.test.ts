import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { findCanary } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { tenantClient, tenantWithKeys } from "./fixtures.ts"
import { administratorToken, startTestHost } from "./test-host.ts"
import { object, objects, text } from "./values.ts"

describe("secrets", () => {
  it("leave no trace in the database, the log or the audit log: tokens, keystore secrets, data keys, L1", async () => {
    const host = await startTestHost()
    const path = await tenantWithKeys(host, "acme")
    const secret = "canary-secret-id-5c1d0f8e"
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/keystores", {
      plugin_type: "openbao",
      plugin_name: "bao",
      configuration: {
        vault_address: "https://127.0.0.1:9",
        auth_method: "approle",
        role_id: "role",
        secret_id: secret,
        mount_path: "transit",
        key_name: "key",
      },
    })
    await host.administrator.expect(200, "POST", "/v1/tenants/acme/keystores/bao/test")
    await host.administrator.send("POST", "/v1/tenants/acme/tokens", {
      body: { role: "reader", surprise: secret },
      headers: { "idempotency-key": "canary" },
    })
    const workload = await tenantClient(host, "acme", "workload")
    const operations = Array.from({ length: 20 }, () => ({ generate: {} }))
    const batch = await workload.expect(200, "POST", `${path}/batch`, { operations })
    const dataKeys = objects(batch.results).map((result) =>
      Buffer.from(text(object(result.generate).plaintext), "base64"),
    )
    const audit = await host.administrator.send("GET", "/v1/tenants/acme/audit/entries?limit=1000")
    await host.stop()

    const l1File = await readFile(join(host.folder.dataDirectory, "local-keystore.key"), "utf8")
    const l1Keys = [...l1File.matchAll(/"([A-Za-z0-9+/_-]{43}=?)"/g)].map((found) =>
      Buffer.from(found[1] ?? "", "base64"),
    )
    expect(l1Keys.length).toBeGreaterThan(0)
    const rootKey = await readFile(join(host.folder.dataDirectory, "credential-root.key"))
    const canaries = [secret, workload.token, await administratorToken(host.folder), rootKey, ...l1Keys, ...dataKeys]
    host.log.assertNoCanary(canaries)
    expect(findCanary(audit.text, canaries)).toBeUndefined()
    const databaseFiles = (await readdir(host.folder.dataDirectory)).filter((name) => name.startsWith("host.sqlite"))
    expect(databaseFiles).toContain("host.sqlite")
    for (const name of databaseFiles) {
      const bytes = await readFile(join(host.folder.dataDirectory, name))
      expect(findCanary(bytes, canaries)).toBeUndefined()
      expect(findCanary(bytes.toString("latin1"), canaries)).toBeUndefined()
    }
    await host.folder.remove()
  })
})
