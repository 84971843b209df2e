import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canarySpellings, fakeClock, findCanary, logSink, testCall, testServices } from "../src/testing.ts"

describe("fakeClock", () => {
  it("stands still until it is advanced, and fires timers in order", async () => {
    const clock = fakeClock(1000)
    const fired: string[] = []
    clock.after(20, () => fired.push(`b at ${clock.monotonicMs()}`))
    clock.after(10, () => fired.push(`a at ${clock.monotonicMs()}`))
    const cancel = clock.after(15, () => fired.push("never"))
    cancel()
    cancel()
    await clock.advance(19)
    expect(fired).toEqual(["a at 10"])
    await clock.advance(1)
    expect(fired).toEqual(["a at 10", "b at 20"])
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1020, 20])
  })

  it("lets work between two timers set the second one", async () => {
    const clock = fakeClock()
    const wait = (milliseconds: number) => new Promise<void>((resolve) => clock.after(milliseconds, resolve))
    const order: number[] = []
    const work = (async () => {
      for (let round = 0; round < 3; round += 1) {
        await wait(100)
        order.push(clock.monotonicMs())
      }
    })()
    await clock.advance(300)
    await work
    expect(order).toEqual([100, 200, 300])
  })

  it("lets only the wall clock jump", async () => {
    const clock = fakeClock(1000)
    clock.jumpWall(-500)
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([500, 0])
  })
})

describe("findCanary", () => {
  const canary = 'canary "quoted" \\ ü/+=?&'

  it("finds every spelling inside other text", () => {
    const bytes = Buffer.from(canary)
    const hidden = [
      canary,
      JSON.stringify({ token: canary }),
      JSON.stringify(JSON.stringify({ token: canary })),
      encodeURIComponent(canary),
      bytes.toString("hex"),
      bytes.toString("hex").toUpperCase(),
      bytes.toString("base64"),
      bytes.toString("base64url"),
      Buffer.from(`x:${canary}`).toString("base64"),
      Buffer.from(`xy:${canary}.`).toString("base64"),
      Buffer.from(`user:${canary}`).toString("base64url"),
      JSON.stringify(bytes),
    ]
    for (const text of hidden)
      expect(findCanary(`before ${text} after`, ["another-canary", canary]), text).toMatchObject({ index: 1 })
    expect(findCanary("nothing here", [canary])).toBeUndefined()
  })

  it("finds random secrets inside base64 at any place, and none that is not there", () => {
    const bytes = fc.uint8Array({ minLength: 12, maxLength: 40 })
    fc.assert(
      fc.property(bytes, fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 9 }), (secret, before, after) => {
        for (const encoding of ["base64", "base64url", "hex"] as const) {
          expect(findCanary(Buffer.concat([before, secret, after]).toString(encoding), [secret])).toBeDefined()
        }
        expect(findCanary(Buffer.concat([before, secret, after]), [secret])).toMatchObject({ spelling: "plain" })
        expect(findCanary("an unrelated line of log", [secret])).toBeUndefined()
      }),
    )
  })

  it("refuses a canary that could appear by chance", () => {
    expect(() => canarySpellings("short")).toThrow("8 bytes")
  })
})

describe("logSink", () => {
  it("keeps lines as they were", () => {
    const log = logSink()
    const fields = { step: { name: "login" } }
    log.info("opened", fields)
    fields.step.name = "changed"
    log.error("failed")
    expect(log.lines).toEqual([
      { level: "info", message: "opened", fields: { step: { name: "login" } } },
      { level: "error", message: "failed", fields: {} },
    ])
  })

  it("reports which line holds a canary, without the canary", () => {
    const log = logSink()
    log.info("fine")
    log.assertNoCanary(["canary-12345"])
    log.warn("failed", { deep: [{ header: `Basic ${Buffer.from("user:canary-12345").toString("base64")}` }] })
    expect(() => log.assertNoCanary(["canary-12345"])).toThrow(/^Log line 1 \(warn\) holds canary 0, spelled as base64/)
  })
})

describe("testServices", () => {
  it("records audit events with tenant, request and keystore, and takes overrides", async () => {
    const clock = fakeClock()
    const services = testServices({ clock })
    await services.audit.record({ action: "keystoreLogin", outcome: "success" }, testCall({ tenantId: "globex" }))
    const call = { tenantId: "globex", requestId: "test-request", keystoreId: "test-keystore" }
    expect(services.auditEvents).toEqual([{ action: "keystoreLogin", outcome: "success", ...call }])
    expect(services.clock).toBe(clock)
    expect(services.random.bytes(32)).toHaveLength(32)
    expect(await services.tracer.span("x", {}, async () => 7)).toBe(7)
  })
})
