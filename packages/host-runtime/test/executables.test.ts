import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { goHostAvailable, installGoPlugin } from "@apeiro-cmk/test-backends"
import { describe, expect, it, onTestFinished } from "vitest"
import { checkProfile, KeystorePlugins, loadCatalog, loadProfile, startPlugins } from "../src/index.ts"
import { failureOf, project } from "./project.ts"

const scripted = fileURLToPath(new URL("fixtures/serve-scripted.ts", import.meta.url))
const ours = { path: process.execPath, args: [scripted] }

const inProcess = { name: "package", type: "keystore", package: "third-party-keystore" }

/** Loads a profile of one plugin that is an executable, and one that is not. */
async function load(entry: Readonly<Record<string, unknown>>, mode = "development") {
  const plugins = [{ name: "executable", type: "keystore", ...entry }, inProcess]
  const { profile } = project(JSON.stringify({ mode, plugins }))
  const services = testServices()
  const loaded = await loadProfile(profile, { environment: {} })
  const catalog = await loadCatalog(loaded, { makeServices: () => services, clock: systemClock })
  const start = async () => {
    const running = await startPlugins(catalog, { clock: systemClock, logger: services.logger })
    onTestFinished(() => running.stop())
    return running
  }
  return { catalog, keystores: new KeystorePlugins(catalog), start, services }
}

describe("an executable made with our SDK", () => {
  it("is asked for its manifest, and runs like a package", async () => {
    const { catalog, keystores, start, services } = await load({ ...ours, yamlConfiguration: "greeting: hello" })
    expect(catalog.describePlugins()).toMatchObject([{ state: "loaded", manifest: { pluginType: "scripted" } }, {}])
    const running = await start()
    // The process's lines arrive separately.
    const line = { message: "start", fields: expect.objectContaining({ greeting: "hello" }) }
    await expect.poll(() => services.logger.lines).toContainEqual(expect.objectContaining(line))
    const opened = keystores.keystorePlugin("scripted")?.instance.openKeystore({}, testCall())
    await expect(opened).rejects.toMatchObject({ code: "INTERNAL", origin: "plugin" })
    await running.stop()
    expect(catalog.readiness()).toMatchObject({ plugins: [{ state: "stopped" }, {}] })
  })

  it("logs nothing that is less important than the profile says", async () => {
    const { start, services } = await load({ ...ours, logLevel: "warn" })
    await start()
    expect(services.logger.lines.filter(({ message }) => message === "start")).toEqual([])
  })

  it("fails to start when it refuses its configuration", async () => {
    const { start } = await load({ ...ours, yamlConfiguration: "greting: hello" })
    const failure = await failureOf(start())
    expect(failure).toMatchObject({ code: "PLUGIN_START_FAILED", plugin: "executable" })
    expect(failure.message).toContain("greting")
  })

  it("is started when its checksum is right, and refused when it is not", async () => {
    const checksum = createHash("sha256")
      .update(await readFile(process.execPath))
      .digest("hex")
    await load({ ...ours, checksum })
    const failure = await failureOf(load({ ...ours, checksum: "0".repeat(64) }))
    expect(failure).toMatchObject({ code: "PLUGIN_START_FAILED", problems: [{ path: "plugins[0].path" }] })
    expect(failure.message).toContain("was not started")
  })

  it.each([
    [{ ...ours, args: [scripted, "unsound"] }, "PLUGIN_MANIFEST_MISMATCH", "keystore/v9"],
    [{ ...ours, type: "identity" }, "PLUGIN_START_FAILED", "Its last line: scripted serves the types"],
    [{ path: "./nowhere" }, "PLUGIN_START_FAILED", "nowhere"],
    [{ path: "/bin/true" }, "PLUGIN_START_FAILED", "ended (0) before"],
  ])("is refused with the reason: %j", async (entry, code, reason) => {
    const failure = await failureOf(load(entry))
    expect(failure).toMatchObject({ code, plugin: "executable" })
    expect(failure.message).toContain(reason)
  })

  it("is part of a check of the profile", async () => {
    const check = (entry: object) => {
      const plugins = [{ name: "a", type: "keystore", ...entry }]
      const { profile } = project(JSON.stringify({ mode: "development", plugins }))
      return checkProfile(profile, { environment: {}, makeServices: () => testServices() })
    }
    expect(await check(ours)).toMatchObject({ ok: true })
    expect(await check({ path: "/bin/true" })).toMatchObject({ failures: [{ code: "PLUGIN_START_FAILED" }] })
  })
})

describe.skipIf(!(await goHostAvailable()))("an executable in Go, on upstream's own code", () => {
  const go = async (type: string) => ({ path: await installGoPlugin(), args: [type] })

  it("describes keys, and rejects the rest as unsupported", async () => {
    const { keystores, start } = await load({ ...(await go("KeystoreInstanceKeyOperation")), name: "Go_Plugin" })
    await start()
    expect(keystores.keystorePluginTypes()).toEqual(["go_plugin", "third_party"])
    const keystore = await keystores.keystorePlugin("go_plugin")?.instance.openKeystore({ key_id: "k" }, testCall())
    expect(await keystore?.describeKey({ keyId: "k" }, testCall())).toMatchObject({
      ...{ identity: "k", state: "ENABLED", algorithm: "aes256", exportable: "unknown" },
    })
    await expect(keystore?.describeKey({ keyId: "none" }, testCall())).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
    await expect(keystore?.probe(testCall())).rejects.toMatchObject({ code: "UNSUPPORTED" })
    const steps = []
    for await (const step of keystore?.testConnection(testCall()) ?? []) steps.push(step)
    expect(steps).toMatchObject([
      { name: "key", outcome: "passed" },
      { name: "encrypt", outcome: "failed", code: "UNSUPPORTED" },
    ])
  })

  it("is not for production", async () => {
    const failure = await failureOf(load(await go("KeystoreInstanceKeyOperation"), "production"))
    expect(failure).toMatchObject({ code: "PLUGIN_NOT_FOR_PRODUCTION" })
  })

  it("cannot be of another type: this host needs more than upstream's service", async () => {
    const failure = await failureOf(load({ ...(await go("IdentityManagementService")), type: "identity" }))
    expect(failure).toMatchObject({ code: "PLUGIN_ISOLATION_UNSUPPORTED", problems: [{ path: "plugins[0].path" }] })
  })
})
