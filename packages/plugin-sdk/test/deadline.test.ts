import { describe, expect, it } from "vitest"
import { abortable, callOptions, pluginError, withDeadline } from "../src/index.ts"
import { fakeClock } from "../src/testing.ts"

describe("deadlines", () => {
  it("fire when they are due, with TIMED_OUT", async () => {
    const clock = fakeClock(1000)
    const deadline = withDeadline(undefined, 500, clock)
    expect(deadline.deadlineMs).toBe(1500)
    await clock.advance(499)
    expect(deadline.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(deadline.signal.reason).toMatchObject({ code: "TIMED_OUT" })
  })

  it("fire at once when the time is already over", () => {
    expect(withDeadline(undefined, 0).signal.reason).toMatchObject({ code: "TIMED_OUT" })
  })

  it("follow the parent: its PluginError as it is, else CANCELLED or TIMED_OUT", () => {
    const clock = fakeClock()
    const own = pluginError("DENIED", "x", "y")
    const reasons = [own, undefined, new Error("secret"), new DOMException("x", "TimeoutError")].map((reason) => {
      const parent = new AbortController()
      const { signal } = withDeadline(parent.signal, 500, clock)
      parent.abort(reason)
      return signal.reason
    })
    expect(reasons[0]).toBe(own)
    expect(reasons.map((reason) => reason.code)).toEqual(["DENIED", "CANCELLED", "CANCELLED", "TIMED_OUT"])
    expect(withDeadline(AbortSignal.abort(), 500, clock).signal.reason).toMatchObject({ code: "CANCELLED" })
    expect(clock.pendingTimers()).toBe(0)
  })

  it("leave no timer once disposed, and never fire afterwards", async () => {
    const clock = fakeClock()
    const parent = new AbortController()
    const deadline = withDeadline(parent.signal, 500, clock)
    deadline.dispose()
    deadline.dispose()
    expect(clock.pendingTimers()).toBe(0)
    await clock.advance(1000)
    parent.abort()
    expect(deadline.signal.aborted).toBe(false)
  })

  it("make the options of a call", async () => {
    const clock = fakeClock(0)
    const call = callOptions({ tenantId: "acme", requestId: "r", timeoutMs: 100, clock, traceparent: "00-a-b-01" })
    expect(call).toMatchObject({ tenantId: "acme", requestId: "r", deadlineMs: 100, traceparent: "00-a-b-01" })
    await clock.advance(100)
    expect(call.signal.reason).toMatchObject({ code: "TIMED_OUT" })
  })
})

describe("abortable", () => {
  it("returns the outcome of the work when that comes first", async () => {
    const { signal } = new AbortController()
    await expect(abortable(Promise.resolve(7), signal)).resolves.toBe(7)
    await expect(abortable(Promise.reject(new Error("x")), signal)).rejects.toThrow("x")
  })

  it("rejects with the signal's reason while the work goes on, however that ends", async () => {
    const caller = new AbortController()
    const work = Promise.withResolvers<never>()
    const outcome = abortable(work.promise, caller.signal)
    caller.abort()
    await expect(outcome).rejects.toMatchObject({ code: "CANCELLED" })
    work.reject(new Error("late"))
    await expect(abortable(Promise.resolve(1), caller.signal)).rejects.toMatchObject({ code: "CANCELLED" })
  })
})
