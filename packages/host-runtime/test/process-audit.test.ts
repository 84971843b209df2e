import { fileURLToPath } from "node:url"
import type { AuditPort } from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { type TestServices, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it, onTestFinished } from "vitest"
import { loadCatalog, loadProfile, startPlugins } from "../src/index.ts"
import { failureOf, project } from "./project.ts"

const args = [fileURLToPath(new URL("fixtures/serve-reporting.ts", import.meta.url))]
const entry = { name: "alerts", type: "notification", path: process.execPath, args }
const keystore = { name: "package", type: "keystore", package: "third-party-keystore" }

async function start(services: TestServices) {
  const { profile } = project(JSON.stringify({ mode: "development", plugins: [entry, keystore] }))
  const loaded = await loadProfile(profile, { environment: {} })
  const catalog = await loadCatalog(loaded, { makeServices: () => services, clock: systemClock })
  const running = await startPlugins(catalog, { clock: systemClock, logger: services.logger })
  onTestFinished(() => running.stop())
}

describe("the audit events of a plugin's process", () => {
  it("reach the host's audit port", async () => {
    const services = testServices()
    await start(services)
    expect(services.auditEvents).toEqual([
      { action: "notificationLogin", outcome: "success", tenantId: "acme", requestId: "start" },
    ])
  })

  it("fail what they report when the host's audit log cannot be written, and the host's log says so", async () => {
    const audit: AuditPort = { record: () => Promise.reject(new Error("canary-of-a-database")) }
    const services = testServices({ audit })
    const failure = await failureOf(start(services))
    expect(failure).toMatchObject({ code: "PLUGIN_START_FAILED", plugin: "alerts" })
    expect(failure.message).toContain("The host could not record the event in its audit log.")
    expect(services.logger.lines).toContainEqual({
      level: "error",
      message: "an audit event of the plugin's process was not recorded",
      fields: { plugin: "alerts", reason: "unavailable" },
    })
    services.logger.assertNoCanary(["canary-of-a-database"])
  })
})
