import { type FakeClock, fakeClock, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import { loadCatalog, loadProfile, startPlugins } from "../src/index.ts"
import { failureOf, project } from "./project.ts"

interface Scripted {
  readonly name: string
  readonly start?: string
  readonly stop?: string
  readonly onFailure?: "abort" | "continue"
}

/** Loads scripted plugins on a stopped clock. */
async function scripted(plugins: readonly Scripted[]) {
  const entries = plugins.map(({ name, start = "ok", stop = "ok", onFailure = "abort" }) =>
    JSON.stringify({ name, type: "keystore", package: name, onFailure, configuration: { start, stop } }),
  )
  const made = project(`mode: development\nplugins:\n${entries.map((entry) => `  - ${entry}\n`).join("")}`)
  for (const { name } of plugins) made.installScripted(name)
  const clock = fakeClock()
  const services = testServices({ clock })
  const profile = await loadProfile(made.profile, { environment: {} })
  const catalog = await loadCatalog(profile, { makeServices: () => services, clock })
  const options = { clock, logger: services.logger, timeoutMs: 1000, stopTimeoutMs: 500 }
  return {
    catalog,
    clock,
    services,
    start: (signal?: AbortSignal) => startPlugins(catalog, { ...options, ...(signal === undefined ? {} : { signal }) }),
    events: () =>
      services.logger.lines.flatMap(({ message, fields }) => ("name" in fields ? [`${message} ${fields.name}`] : [])),
    states: () => catalog.plugins().map(({ state }) => state),
  }
}

/** Moves the clock until the work has ended. */
async function whileTimePasses<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const outcome = Promise.allSettled([work])
  for (let round = 0; round < 20; round += 1) await clock.advance(250)
  await outcome
  return work
}

describe("starting", () => {
  it("goes in the profile's order, stopping in reverse", async () => {
    const { start, events, states } = await scripted([{ name: "one" }, { name: "two" }, { name: "three" }])
    const running = await start()
    expect(states()).toEqual(["running", "running", "running"])
    await running.stop()
    expect(events()).toEqual([
      ...["one", "two", "three"].flatMap((name) => [`start ${name}`, `started ${name}`]),
      ...["stop three", "stop two", "stop one"],
    ])
    expect(states()).toEqual(["stopped", "stopped", "stopped"])
  })

  it("that fails stops what had started, last first, and rejects", async () => {
    const { start, events, states } = await scripted([
      { name: "one" },
      { name: "two" },
      { name: "three", start: "fail" },
    ])
    expect(await failureOf(start())).toMatchObject({ code: "PLUGIN_START_FAILED", plugin: "three" })
    expect(events().slice(-4)).toEqual(["start three", "stop three", "stop two", "stop one"])
    expect(states()).toEqual(["stopped", "stopped", "failed"])
  })

  it("that fails under onFailure: continue leaves the others running", async () => {
    const { start, states, catalog } = await scripted([
      { name: "one", start: "fail", onFailure: "continue" },
      { name: "two" },
    ])
    const running = await start()
    expect(states()).toEqual(["failed", "running"])
    expect(catalog.readiness()).toMatchObject({
      ready: true,
      degraded: true,
      plugins: [{ error: { code: "PLUGIN_START_FAILED" } }, {}],
    })
    expect(catalog.running("keystore").map(({ name }) => name)).toEqual(["two"])
    await running.stop()
  })

  it.each(["hang", "deaf"])("that would never end (%s) fails in time", async (how) => {
    const { start, clock, states } = await scripted([{ name: "one" }, { name: "two", start: how }])
    const failure = await failureOf(whileTimePasses(clock, start()))
    expect(failure).toMatchObject({ code: "PLUGIN_START_FAILED", plugin: "two" })
    expect(failure.message).toContain("did not start within 1000 ms")
    expect(states()).toEqual(["stopped", "failed"])
    expect(clock.pendingTimers()).toBe(0)
  })

  it("that ends after its time is stopped once more", async () => {
    const { start, clock, events } = await scripted([{ name: "one", start: "late" }])
    await failureOf(whileTimePasses(clock, start()))
    expect(events()).toEqual(["start one", "stop one"])
    await clock.advance(60_000)
    expect(events()).toEqual(["start one", "stop one", "started one", "stop one"])
  })

  it("given up by its caller stops what had started", async () => {
    const { start, clock, states } = await scripted([
      { name: "one" },
      { name: "two", start: "hang", onFailure: "continue" },
      { name: "three" },
    ])
    const controller = new AbortController()
    const starting = failureOf(start(controller.signal))
    await clock.advance(1)
    controller.abort()
    expect(await starting).toMatchObject({ code: "PLUGIN_START_FAILED", plugin: "two", origin: "caller" })
    expect(states()).toEqual(["stopped", "failed", "loaded"])
  })
})

describe("stopping", () => {
  it("goes on past a plugin that fails or hangs, and then says so", async () => {
    const { start, clock, states } = await scripted([
      { name: "one" },
      { name: "two", stop: "hang" },
      { name: "three", stop: "fail" },
    ])
    const running = await start()
    const failure = await failureOf(whileTimePasses(clock, running.stop()))
    expect(failure).toMatchObject({ code: "PLUGIN_STOP_FAILED", plugin: "three" })
    expect(failure.message).toContain("failed to stop: cannot let go")
    expect(failure.alsoFailed[0]?.message).toContain("did not stop within 500 ms")
    expect(states()).toEqual(["stopped", "failed", "failed"])
  })

  it("twice does it once", async () => {
    const { start, events } = await scripted([{ name: "one" }])
    const running = await start()
    await Promise.all([running.stop(), running.stop()])
    expect(events().filter((event) => event === "stop one")).toHaveLength(1)
  })
})
