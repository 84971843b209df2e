import { describe, expect, it } from "vitest"
import { verifiedSize, wholeAudit } from "./audit-reading.ts"
import { localKeystore } from "./fixtures.ts"
import { hostClient } from "./host-client.ts"
import { startHostProcess } from "./host-process.ts"
import { partsOf } from "./list-parts.ts"
import { startLoad } from "./load.ts"
import { administratorToken, startTestHost, testFolder } from "./test-host.ts"
import { text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

describe("kill -9 under load", () => {
  it("loses no answered request, leaves nothing half done, and the log verifies", async () => {
    const folder = await testFolder()
    const child = await startHostProcess(folder)
    const administrator = hostClient(child.apiUrl, await administratorToken(folder))
    await administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
    await administrator.expect(201, "POST", "/v1/tenants/acme/keystores", localKeystore())
    await administrator.expect(200, "POST", "/v1/tenants/acme/keystores/local/activate")
    await administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "payments" })

    const { answered, created, stop } = startLoad(administrator, "acme", "k")
    await waitFor("load", () => (answered.length > 300 && created.length > 20 ? true : undefined), 60_000)
    child.kill("SIGKILL")
    expect(await child.ended).toBe("SIGKILL")
    await stop()

    await using host = await startTestHost({}, folder)
    const entries = await wholeAudit(host.administrator, "acme")
    const recorded = new Set(entries.map((entry) => entry.entry_id))
    expect(answered.filter(({ entryId }) => !recorded.has(entryId))).toEqual([])
    expect(await verifiedSize(host.administrator, "acme")).toBeGreaterThanOrEqual(entries.length)

    const keys = (await partsOf(host.administrator, "/v1/tenants/acme/service-keys?limit=500", "service_keys")).flat()
    const names = new Set(keys.map((key) => text(key.name)))
    expect(created.filter((name) => !names.has(name))).toEqual([])
    // Commits without an answer are whole as well: every stored key works.
    for (const name of [...names].slice(-25)) {
      await host.administrator.expect(200, "POST", `/v1/tenants/acme/service-keys/${name}/data-keys`, {})
    }
    const path = "/v1/tenants/acme/service-keys/payments/data-keys"
    for (const { envelope, plaintext } of answered.slice(-20)) {
      const opened = await host.administrator.expect(200, "POST", `${path}/unwrap`, { envelope })
      expect(opened.plaintext).toBe(plaintext)
    }
  }, 120_000)
})
