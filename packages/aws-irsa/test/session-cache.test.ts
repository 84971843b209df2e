import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { fakeClock, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it } from "vitest"
import type { AwsSession } from "../src/session/session.ts"
import { SessionCache } from "../src/session/session-cache.ts"

const hourMs = 3_600_000

/** A cache with a fake clock, whose exchanges succeed unless `fail` is called. */
function setUp() {
  const clock = fakeClock()
  let opened = 0
  let failure: Error | undefined
  const cache = new SessionCache(async (): Promise<AwsSession> => {
    if (failure !== undefined) throw failure
    opened += 1
    return {
      accessKeyId: `id-${opened}`,
      secretAccessKey: "secret",
      sessionToken: "token",
      expiresAtMs: clock.nowMs() + hourMs,
    }
  }, clock)
  const get = async () => (await cache.get(testCall())).accessKeyId
  return { clock, cache, get, fail: (error: Error | undefined) => (failure = error) }
}

const refused = pluginError("CREDENTIAL_REJECTED", "no", "Look.")

describe("a session", () => {
  it("is used for three quarters of its life, and then renewed in the background", async () => {
    const { clock, get } = setUp()
    expect(await get()).toBe("id-1")
    await clock.advance(0.74 * hourMs)
    expect(await get()).toBe("id-1")
    await clock.advance(0.02 * hourMs)
    expect(await get()).toBe("id-1")
    await clock.advance(0)
    expect(await get()).toBe("id-2")
  })

  it("stays in use until its end when its renewal fails", async () => {
    const { clock, get, fail } = setUp()
    await get()
    await clock.advance(0.9 * hourMs)
    fail(refused)
    expect(await get()).toBe("id-1")
    await clock.advance(0.1 * hourMs)
    await expect(get()).rejects.toBe(refused)
    fail(undefined)
    expect(await get()).toBe("id-2")
  })

  it("is opened and renewed for the call that caused it, but does not end with that call", async () => {
    const clock = fakeClock()
    const causes: CallOptions[] = []
    const cache = new SessionCache(async (call): Promise<AwsSession> => {
      causes.push(call)
      return { accessKeyId: "id", secretAccessKey: "s", sessionToken: "t", expiresAtMs: clock.nowMs() + hourMs }
    }, clock)
    const traceOf = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`
    const caller = new AbortController()
    const callOf = (tenantId: string, digit: string) => ({
      ...testCall({ tenantId, signal: caller.signal }),
      traceparent: traceOf(digit),
    })
    await cache.get(callOf("first", "1"))
    await clock.advance(0.8 * hourMs)
    await cache.get(callOf("second", "2"))
    caller.abort()
    expect(causes).toMatchObject([
      { tenantId: "first", traceparent: traceOf("1") },
      { tenantId: "second", traceparent: traceOf("2") },
    ])
    expect(causes.map(({ signal }) => signal.aborted)).toEqual([false, false])
  })

  it("is not used in its last seconds", async () => {
    const { clock, get } = setUp()
    await get()
    await clock.advance(hourMs - 5_000)
    expect(await get()).toBe("id-2")
  })

  it("is forgotten when AWS refuses it, but a newer one is not", async () => {
    const { cache, get } = setUp()
    const first = await cache.get(testCall())
    cache.drop(first)
    expect(await get()).toBe("id-2")
    cache.drop(first)
    expect(await get()).toBe("id-2")
  })
})
