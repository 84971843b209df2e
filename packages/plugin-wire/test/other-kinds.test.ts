import { fileURLToPath } from "node:url"
import type {
  CallOptions,
  ComponentCertificateRequest,
  ConfiguredOncePlugin,
  ConnectionStep,
  NotificationEvent,
  Plugin,
  PluginKind,
  ResourceChange,
} from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { logSink, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it, onTestFinished } from "vitest"
import { connectPlugin, createSupervisor, describePlugin, loadRemotePlugin, wirePluginType } from "../src/index.ts"

const toys = fileURLToPath(new URL("serve-others.ts", import.meta.url))

const processOf = (kind: PluginKind, flavour = "whole") => ({
  ...wirePluginType(kind),
  path: process.execPath,
  args: [toys, kind, flavour],
})

async function start<Kind extends PluginKind>(kind: Kind, flavour?: string): Promise<Plugin<Kind>> {
  const connect = () => connectPlugin({ ...processOf(kind, flavour), yamlConfiguration: "" })
  const supervisor = createSupervisor({ name: kind, connect, clock: systemClock, logger: logSink() })
  const plugin = (await loadRemotePlugin(kind))(supervisor)
  await plugin.start(AbortSignal.timeout(20_000))
  onTestFinished(() => plugin.stop())
  return plugin
}

const kindsConfiguredOnce = ["identity", "certificate-issuer", "system-information", "notification"] as const

async function steps(plugin: ConfiguredOncePlugin, call: CallOptions) {
  const seen: ConnectionStep[] = []
  for await (const step of plugin.testConnection(call)) seen.push(step)
  return seen
}

async function changes(plugin: Plugin<"system-information">, kind: string, call: CallOptions = testCall()) {
  const seen: ResourceChange[] = []
  for await (const change of plugin.watch(kind, call)) seen.push(change)
  return seen
}

const down = { code: "UNREACHABLE", message: "The toy's server is down.", nextStep: "Start it." }

describe("a plugin in a separate process, used like one in ours", () => {
  it("identifies a token and a workload, and lists their permissions", async () => {
    const plugin = await start("identity")
    const call = testCall({ tenantId: "acme" })
    const principal = await plugin.authenticate("token", call)
    expect(principal).toEqual({ subject: "token", issuer: "acme", groups: ["administrators"], displayName: "Toy" })
    await expect(plugin.authenticate("wrong", call)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    const spiffeId = "spiffe://acme/job"
    expect(await plugin.resolveWorkload({ spiffeId }, call)).toEqual({ spiffeId, tenantId: "acme" })
    expect(await plugin.permissions(principal, "other", call)).toEqual(["other:administrators"])
  })

  it("issues and revokes certificates", async () => {
    const plugin = await start("certificate-issuer")
    const request: ComponentCertificateRequest = {
      tenantId: "acme",
      component: "crypto-manager",
      commonName: "name",
      locality: "eu",
      validityDays: 7,
      certificateSigningRequest: "PEM",
    }
    expect(await plugin.issueComponentCertificate(request, testCall())).toBe("name 7")
    await plugin.revoke("01", testCall())
    await expect(plugin.revoke("down", testCall())).rejects.toMatchObject(down)
  })

  it("validates, watches and writes resources", async () => {
    const plugin = await start("system-information")
    expect(await plugin.validate({ kind: "Tenant" }, testCall())).toMatchObject({ accepted: true })
    expect(await plugin.validate({ kind: "Moon" }, testCall())).toMatchObject({
      accepted: false,
      reason: "UnknownKind",
    })
    const seen = await changes(plugin, "Tenant")
    expect(seen).toEqual(["added", "deleted"].map((type) => ({ type, resource: { kind: "Tenant" } })))
    await expect(changes(plugin, "Broken")).rejects.toMatchObject(down)
    await plugin.writeStatus({ kind: "Tenant" }, { ready: true }, testCall())
    await expect(plugin.writeStatus({ kind: "Moon" }, {}, testCall())).rejects.toMatchObject(down)
  })

  it("ends a watch when its caller gives up", async () => {
    const plugin = await start("system-information")
    const caller = new AbortController()
    const watched = plugin.watch("Endless", testCall({ signal: caller.signal }))[Symbol.asyncIterator]()
    expect(await watched.next()).toMatchObject({ value: { type: "added" } })
    expect(await watched.next()).toMatchObject({ value: { type: "deleted" } })
    const waiting = expect(watched.next()).rejects.toMatchObject({ code: "CANCELLED" })
    caller.abort()
    await waiting
  })

  it("delivers events", async () => {
    const plugin = await start("notification")
    const event: NotificationEvent = {
      id: "1",
      type: "l1.unreachable",
      severity: "critical",
      tenantId: "acme",
      subject: "key",
      occurredAtMs: 1_700_000_000_000,
      data: { keystore: "k" },
    }
    await plugin.deliver(event, "default", testCall())
    await expect(plugin.deliver(event, "down", testCall())).rejects.toMatchObject(down)
  })

  it.each(kindsConfiguredOnce)("tests its connection and writes its setup material: %s", async (kind) => {
    const plugin = await start(kind)
    const call = testCall({ tenantId: "acme", requestId: "request-7" })
    expect(await steps(plugin, call)).toEqual([
      { name: "caller", outcome: "passed", durationMs: 1, message: "acme request-7" },
    ])
    expect(await plugin.setupMaterial(call)).toEqual([
      { title: "Grants", fileName: "grants.txt", language: "text", text: "request-7" },
    ])
  })

  it("ends a connection test with what it saw when the caller gives up", async () => {
    const plugin = await start("notification", "slow")
    const caller = new AbortController()
    const test = plugin.testConnection(testCall({ signal: caller.signal }))[Symbol.asyncIterator]()
    expect(await test.next()).toMatchObject({ value: { name: "caller" } })
    caller.abort()
    expect(await test.next()).toMatchObject({ value: { name: "server", outcome: "failed", code: "CANCELLED" } })
    expect(await test.next()).toMatchObject({ done: true })
  })

  it("fails a step of the connection test when its process is gone", async () => {
    const plugin = await start("notification")
    await plugin.stop()
    expect(await steps(plugin, testCall())).toMatchObject([
      { name: "plugin_process", outcome: "failed", code: "UNREACHABLE" },
    ])
  })

  it.each(kindsConfiguredOnce)("describes itself before it is configured: %s", async (kind) => {
    expect(await describePlugin(processOf(kind))).toMatchObject({ kind, contract: `${kind}/v1` })
  })
})
