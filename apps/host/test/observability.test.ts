import { type Database, openDatabase } from "@apeiro-cmk/persistence"
import { describe, expect, it } from "vitest"
import { tenantWithKeys } from "./fixtures.ts"
import { startTestHost } from "./test-host.ts"
import { object, objects } from "./values.ts"
import { waitFor } from "./wait-for.ts"

describe("the trace of a request", () => {
  it("is one log line with route, status and actor, without bodies, headers or the text of the URL", async () => {
    await using host = await startTestHost()
    const path = await tenantWithKeys(host, "acme")
    const headers = { "x-request-id": "seen-in-the-log" }
    await host.administrator.send("POST", `${path}?colour=canary-query`, { body: { canary: "canary-body" }, headers })
    const line = await waitFor("the line", () =>
      host.log.lines.find(({ fields }) => fields.request_id === "seen-in-the-log"),
    )
    expect(line.fields).toMatchObject({
      method: "POST",
      route: "/v1/tenants/{tenant_id}/service-keys/{service_key}/data-keys",
      status: 400,
      code: "INVALID_REQUEST",
      actor: "administrator",
    })
    host.log.assertNoCanary(["canary-query", "canary-body"])
  })

  it("carries request id and trace id into the audit log", async () => {
    await using host = await startTestHost()
    const path = await tenantWithKeys(host, "acme")
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
    const headers = { "x-request-id": "traced-1", traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
    const answer = await host.administrator.send("POST", path, { body: {}, headers })
    const event = await waitFor("the entry", async () => {
      const page = await host.administrator.expect(200, "GET", "/v1/tenants/acme/audit/entries?limit=1000")
      const found = objects(page.entries).find((entry) => entry.entry_id === answer.body.audit_entry_id)
      return found === undefined ? undefined : object(found.event)
    })
    expect(event).toMatchObject({ action: "dataKeyGenerate", request_id: "traced-1", trace_id: traceId })
    expect(event.actor).toEqual({ type: "administrator", id: "administrator" })
  })

  it("reveals only the request id of an unexpected error to the caller, and keeps its message out of the log", async () => {
    await using host = await startTestHost({
      openDatabase: async (options) => {
        const database = await openDatabase(options)
        const failing: Database["tenants"] = {
          insertTenant: (record, audit) => database.tenants.insertTenant(record, audit),
          tenant: (tenantId) => database.tenants.tenant(tenantId),
          tenants: async () => {
            throw new Error("canary-in-a-foreign-message")
          },
        }
        return { ...database, tenants: failing }
      },
    })
    const answer = await host.administrator.send("GET", "/v1/tenants")
    expect(answer).toMatchObject({ status: 500, body: { code: "INTERNAL", origin: "host", retryable: false } })
    expect(answer.text).not.toContain("canary")
    const line = await waitFor("the line", () => host.log.lines.find(({ level }) => level === "error"))
    expect(line.fields.error).toContain("Error at ")
    host.log.assertNoCanary(["canary-in-a-foreign-message"])
  })

  it("sends headers that forbid browsers to run, frame or keep anything", async () => {
    await using host = await startTestHost()
    const { headers } = await host.administrator.send("GET", "/v1/plugins")
    expect(headers.get("content-security-policy")).toBe("default-src 'none';frame-ancestors 'none'")
    expect(headers.get("x-content-type-options")).toBe("nosniff")
    expect(headers.get("cache-control")).toBe("no-store")
    expect(headers.get("x-powered-by")).toBeNull()
  })
})
