import { verifyExport } from "@apeiro-cmk/audit-log"
import { describe, expect, it } from "vitest"
import { localKeystore } from "./fixtures.ts"
import { hostClient } from "./host-client.ts"
import { startHostProcess } from "./host-process.ts"
import { administratorToken, startTestHost, testFolder } from "./test-host.ts"
import { objects, text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

describe("kill -9 under load", () => {
  it("loses no answered request, leaves nothing half-made, and the log verifies", async () => {
    const folder = await testFolder()
    const child = await startHostProcess(folder)
    const administrator = hostClient(child.apiUrl, await administratorToken(folder))
    await administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
    await administrator.expect(201, "POST", "/v1/tenants/acme/keystores", localKeystore())
    await administrator.expect(200, "POST", "/v1/tenants/acme/keystores/local/activate")
    await administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "payments" })

    const path = "/v1/tenants/acme/service-keys/payments/data-keys"
    const answered: { envelope: string; plaintext: string; entryId: string }[] = []
    const created: string[] = []
    let dead = false
    const generating = Array.from({ length: 16 }, async () => {
      while (!dead) {
        const answer = await administrator.send("POST", path, { body: {} }).catch(() => undefined)
        if (answer?.status !== 200) return
        const { envelope, plaintext, audit_entry_id } = answer.body
        answered.push({ envelope: text(envelope), plaintext: text(plaintext), entryId: text(audit_entry_id) })
      }
    })
    const creating = Array.from({ length: 4 }, async (_none, lane) => {
      for (let number = 0; !dead; number++) {
        const name = `k-${lane}-${number}`
        const answer = await administrator
          .send("POST", "/v1/tenants/acme/service-keys", { body: { name } })
          .catch(() => undefined)
        if (answer?.status !== 201) return
        created.push(name)
      }
    })
    await waitFor("load", () => (answered.length > 300 && created.length > 20 ? true : undefined), 60_000)
    child.kill("SIGKILL")
    expect(await child.ended).toBe("SIGKILL")
    dead = true
    await Promise.all([...generating, ...creating])

    await using host = await startTestHost({}, folder)
    const entries = await waitFor("nothing waits", async () => {
      const all: Record<string, unknown>[] = []
      for (let from = 0; ; ) {
        const page = await host.administrator.expect(
          200,
          "GET",
          `/v1/tenants/acme/audit/entries?from=${from}&limit=1000`,
        )
        all.push(...objects(page.entries))
        from = Number(page.next)
        if (from >= Number(page.size)) return page.waiting === 0 ? all : undefined
      }
    })
    const recorded = new Set(entries.map((entry) => entry.entry_id))
    expect(answered.filter(({ entryId }) => !recorded.has(entryId))).toEqual([])
    const exported = await host.administrator.send("GET", "/v1/tenants/acme/audit/export")
    expect((await verifyExport(linesOf(exported.text))).size).toBeGreaterThanOrEqual(entries.length)

    const keys = objects((await host.administrator.expect(200, "GET", "/v1/tenants/acme/service-keys")).service_keys)
    const names = new Set(keys.map((key) => text(key.name)))
    expect(created.filter((name) => !names.has(name))).toEqual([])
    // What was committed without an answer is whole as well: every key that is there works.
    for (const name of [...names].slice(-25)) {
      await host.administrator.expect(200, "POST", `/v1/tenants/acme/service-keys/${name}/data-keys`, {})
    }
    for (const { envelope, plaintext } of answered.slice(-20)) {
      const opened = await host.administrator.expect(200, "POST", `${path}/unwrap`, { envelope })
      expect(opened.plaintext).toBe(plaintext)
    }
  }, 120_000)
})

async function* linesOf(exported: string): AsyncGenerator<string> {
  yield* exported.trim().split("\n")
}
