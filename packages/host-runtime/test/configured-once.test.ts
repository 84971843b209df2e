import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { fakeClock, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { type Catalog, loadCatalog, loadProfile, startPlugins } from "../src/index.ts"
import { project } from "./project.ts"

const keystore = { name: "keys", type: "keystore", package: "third-party-keystore" }

/** A catalog of a keystore plugin and one identity plugin, which may fail to start. */
async function load(configuration: { readonly start?: string; readonly test?: string }) {
  const people = { name: "people", type: "identity", package: "scripted-identity", onFailure: "continue" }
  const plugins = [keystore, { ...people, configuration }]
  const { profile } = project(JSON.stringify({ mode: "development", plugins }))
  const clock = fakeClock()
  const services = testServices({ clock })
  const loaded = await loadProfile(profile, { environment: {} })
  const catalog = await loadCatalog(loaded, { makeServices: () => services, clock })
  const start = () => startPlugins(catalog, { clock, logger: services.logger })
  const call = () => testCall({ requestId: "request-7", timeoutMs: 120_000 })
  return { catalog, clock, start, call: () => ({ ...call(), deadlineMs: clock.nowMs() + 120_000 }) }
}

async function stepsOf(catalog: Catalog, call: ReturnType<typeof testCall>): Promise<readonly ConnectionStep[]> {
  const steps: ConnectionStep[] = []
  for await (const step of catalog.testConnection("people", call)) steps.push(step)
  return steps
}

describe("a plugin that the operator configures once", () => {
  it("is found by its kind while it runs", async () => {
    const { catalog, start } = await load({})
    expect(catalog.running("identity")).toEqual([])
    const running = await start()
    const [people, ...others] = catalog.running("identity")
    expect(people).toMatchObject({ name: "people", definition: { manifest: { kind: "identity" } } })
    expect(others).toEqual([])
    expect(catalog.running("keystore").map(({ name }) => name)).toEqual(["keys"])
    expect(catalog.running("notification")).toEqual([])
    await running.stop()
    expect(catalog.running("identity")).toEqual([])
  })

  it("is tested by its name in the profile", async () => {
    const { catalog, start, call } = await load({ test: "ok" })
    await start()
    expect(await stepsOf(catalog, call())).toMatchObject([
      { name: "first", outcome: "passed" },
      { name: "last", outcome: "passed" },
    ])
  })

  it("has a failed step instead of a test that throws, without the message of a foreign error", async () => {
    const { catalog, start, call } = await load({ test: "throw" })
    await start()
    const [first, failed, ...others] = await stepsOf(catalog, call())
    expect(first).toMatchObject({ name: "first" })
    expect(failed).toMatchObject({ name: "connection", outcome: "failed", code: "INTERNAL" })
    expect(JSON.stringify(failed)).not.toContain("a secret detail")
    expect(others).toEqual([])
  })

  it("has a failed step after 30 s when its test does not end", async () => {
    const { catalog, clock, start, call } = await load({ test: "hang" })
    await start()
    const steps = catalog.testConnection("people", call())[Symbol.asyncIterator]()
    expect(await steps.next()).toMatchObject({ value: { name: "first" } })
    const last = steps.next()
    await clock.advance(30_000)
    expect(await last).toMatchObject({
      value: { name: "connection", outcome: "failed", code: "TIMED_OUT", durationMs: 30_000 },
    })
    expect(await steps.next()).toMatchObject({ done: true })
  })

  it("has a failed step when its test reports steps without end", async () => {
    const { catalog, start, call } = await load({ test: "endless" })
    await start()
    const steps = await stepsOf(catalog, call())
    expect(steps).toHaveLength(51)
    expect(steps.at(-1)).toMatchObject({ outcome: "failed", code: "BAD_RESPONSE" })
  })

  it("writes its set-up material for the caller", async () => {
    const { catalog, start, call } = await load({})
    await start()
    expect(await catalog.setupMaterial("people", call())).toMatchObject([{ text: "asked by request-7" }])
  })

  it("is UNREACHABLE with the error of its start when it does not run", async () => {
    const { catalog, start, call } = await load({ start: "fail" })
    await start()
    const error = { code: "UNREACHABLE", origin: "host", message: expect.stringContaining("the directory is down") }
    expect(() => catalog.testConnection("people", call())).toThrow(expect.objectContaining(error))
    await expect(catalog.setupMaterial("people", call())).rejects.toMatchObject(error)
  })

  it("is UNREACHABLE before the host has started", async () => {
    const { catalog, call } = await load({})
    await expect(catalog.setupMaterial("people", call())).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringContaining("it is loaded"),
    })
  })
})

describe("other plugins", () => {
  it("are refused with the way to test them when tenants configure them", async () => {
    const { catalog, start, call } = await load({})
    await start()
    expect(() => catalog.testConnection("keys", call())).toThrow(
      expect.objectContaining({
        code: "UNSUPPORTED",
        nextStep: "Test the keystore of a tenant: POST /v1/tenants/{t}/keystores/{k}/test.",
      }),
    )
    await expect(catalog.setupMaterial("keys", call())).rejects.toMatchObject({
      code: "UNSUPPORTED",
      nextStep: expect.stringContaining("GET /v1/tenants/{t}/keystores/{k}/setup-material"),
    })
  })

  it("are NOT_FOUND when the profile has none of this name", async () => {
    const { catalog, call } = await load({})
    const error = { code: "NOT_FOUND", origin: "caller", nextStep: "Use one of: keys, people." }
    expect(() => catalog.testConnection("nobody", call())).toThrow(expect.objectContaining(error))
    await expect(catalog.setupMaterial("nobody", call())).rejects.toMatchObject(error)
  })
})
