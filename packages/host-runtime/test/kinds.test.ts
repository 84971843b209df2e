import { fileURLToPath } from "node:url"
import type { CallOptions, NotificationEvent, Plugin } from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { type ReferenceKind, startReferenceBackend } from "@apeiro-cmk/test-contracts"
import { describe, expect, it, onTestFinished } from "vitest"
import { type Catalog, loadCatalog, loadProfile, startPlugins } from "../src/index.ts"
import { project } from "./project.ts"

/** Places where a plugin may run, and what a profile says for it. */
const places = ["in process", "isolated in a process", "from an executable"] as const
type Place = (typeof places)[number]

/** Loads and starts a profile of a keystore plugin and the reference plugin of one kind. */
async function started(kind: ReferenceKind, place: Place) {
  const backend = await startReferenceBackend(kind)
  onTestFinished(() => backend.close())
  const configuration = {
    allowedEndpoints: ["http://127.0.0.1:*"],
    allowedAddresses: ["127.0.0.0/8"],
    address: `http://127.0.0.1:${backend.port}`,
  }
  const serve = fileURLToPath(new URL(`fixtures/kinds/reference-${kind}/serve.ts`, import.meta.url))
  const secret = { source: "env", env: "API_KEY" }
  const packaged = { package: `reference-${kind}`, configuration: { ...configuration, api_key: secret } }
  const yamlConfiguration = JSON.stringify({ ...configuration, api_key: backend.apiKey })
  const entries = {
    "in process": packaged,
    "isolated in a process": { ...packaged, isolation: "process" },
    "from an executable": { path: process.execPath, args: [serve], yamlConfiguration },
  }
  const keystore = { name: "keys", type: "keystore", package: "third-party-keystore" }
  const plugins = [keystore, { name: "other", type: kind, ...entries[place] }]
  const made = project(JSON.stringify({ mode: "production", plugins }))
  made.link(`kinds/reference-${kind}`)
  const services = testServices()
  const profile = await loadProfile(made.profile, { environment: { API_KEY: backend.apiKey } })
  const catalog = await loadCatalog(profile, { makeServices: () => services, clock: systemClock })
  const running = await startPlugins(catalog, { clock: systemClock, logger: services.logger })
  onTestFinished(() => running.stop())
  return { catalog, services, running, call: testCall({ tenantId: "acme", requestId: "request-1" }) }
}

/** Proves what every kind has: test, set-up material, audit, an end. */
async function expectCommon(
  kind: ReferenceKind,
  { catalog, services, running, call }: Awaited<ReturnType<typeof started>>,
): Promise<void> {
  const steps = []
  for await (const step of catalog.testConnection("other", call)) steps.push(step)
  expect(steps).toMatchObject([{ name: "authentication", outcome: "passed" }])
  expect(await catalog.setupMaterial("other", call)).toMatchObject([{ fileName: "allow-api-key.txt" }])
  expect(services.auditEvents).toMatchObject([{ outcome: "success", tenantId: "acme", requestId: "request-1" }])
  expect(catalog.describePlugins()).toMatchObject([{}, { type: kind, state: "running", manifest: { kind } }])
  await running.stop()
  expect(catalog.running(kind)).toEqual([])
}

function only<Kind extends ReferenceKind>(catalog: Catalog, kind: Kind): Plugin<Kind> {
  const [found, ...others] = catalog.running(kind)
  expect(others).toEqual([])
  if (found === undefined) throw new Error(`no plugin of kind ${kind} runs`)
  return found.instance
}

describe.each(places)("a plugin that runs %s", (place) => {
  it("says who a token and a workload are", async () => {
    const host = await started("identity", place)
    const plugin = only(host.catalog, "identity")
    const principal = await plugin.authenticate("token-of-ada", host.call)
    expect(principal).toEqual({
      subject: "ada",
      issuer: "reference",
      groups: ["administrators"],
      displayName: "ADA",
    })
    await expect(plugin.authenticate("stolen", host.call)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    const workload = { spiffeId: "spiffe://reference/acme/job" }
    expect(await plugin.resolveWorkload(workload, host.call)).toEqual({ ...workload, tenantId: "acme" })
    expect(await plugin.permissions(principal, "acme", host.call)).toEqual(["acme:administer"])
    await expectCommon("identity", host)
  })

  it("issues certificates", async () => {
    const host = await started("certificate-issuer", place)
    const plugin = only(host.catalog, "certificate-issuer")
    const request = {
      ...({ tenantId: "acme", component: "crypto-manager", locality: "eu" } as const),
      ...{ commonName: "component", validityDays: 7 },
      certificateSigningRequest: "-----BEGIN CERTIFICATE REQUEST-----",
    }
    expect(await plugin.issueComponentCertificate(request, host.call)).toContain("component for 7 days")
    await expect(plugin.revoke("01", host.call)).rejects.toMatchObject({ code: "UNSUPPORTED" })
    await expectCommon("certificate-issuer", host)
  })

  it("validates, watches and writes resources", async () => {
    const host = await started("system-information", place)
    const plugin = only(host.catalog, "system-information")
    expect(await plugin.validate({ kind: "Tenant" }, host.call)).toMatchObject({ accepted: true })
    expect(await plugin.validate({ kind: "Moon" }, host.call)).toMatchObject({ reason: "UnknownKind" })
    expect(await changesOf(plugin, "Tenant", host.call)).toEqual([
      { type: "added", resource: { kind: "Tenant", name: "acme" } },
    ])
    await plugin.writeStatus({ kind: "Tenant" }, { ready: true }, host.call)
    await expect(plugin.writeStatus({ kind: "Moon" }, {}, host.call)).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expectCommon("system-information", host)
  })

  it("delivers events", async () => {
    const host = await started("notification", place)
    const plugin = only(host.catalog, "notification")
    const event: NotificationEvent = {
      ...{ id: "1", type: "l1.unreachable", severity: "critical", tenantId: "acme", subject: "key" },
      ...{ occurredAtMs: 1_700_000_000_000, data: { keystore: "k" } },
    }
    await plugin.deliver(event, "default", host.call)
    await expect(plugin.deliver(event, "nobody", host.call)).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expectCommon("notification", host)
  })
})

async function changesOf(plugin: Plugin<"system-information">, kind: string, call: CallOptions) {
  const changes = []
  for await (const change of plugin.watch(kind, call)) changes.push(change)
  return changes
}
