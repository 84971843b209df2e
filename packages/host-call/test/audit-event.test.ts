import { CodedError } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { backendRequestOf, eventOf, failureOf, type HostCall } from "../src/index.ts"

const call: HostCall = {
  signal: new AbortController().signal,
  deadlineMs: 0,
  tenantId: "acme",
  requestId: "request-1",
  actor: { type: "token", id: "token-1" },
}

describe("an audit event of a call", () => {
  it("names tenant, actor, action and request, and the trace where there is one", () => {
    const common = { tenantId: "globex", actor: call.actor, action: "keyCreate", requestId: "request-1" }
    expect(eventOf("keyCreate", "globex", call)).toEqual(common)
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    const traced = eventOf("keyCreate", "globex", { ...call, traceparent })
    expect(traced).toEqual({ ...common, traceId: "4bf92f3577b34da6a3ce929d0e0e4736" })
    expect(eventOf("keyCreate", "globex", { ...call, traceparent: "made up" })).toEqual(common)
  })

  it("shows an error by code and origin, and a foreign error as a fault of the host, without its text", () => {
    const error = new CodedError("DENIED", "a secret", { origin: "backend", retryable: false, nextStep: "Look." })
    expect(failureOf(error)).toEqual({ outcome: "failure", code: "DENIED", origin: "backend" })
    expect(failureOf(new Error("a secret"))).toEqual({ outcome: "failure", code: "INTERNAL", origin: "host" })
  })

  it("holds a backend's request id of any length and any characters", () => {
    expect(backendRequestOf(undefined)).toEqual({})
    expect(backendRequestOf("")).toEqual({})
    expect(backendRequestOf("id-1")).toEqual({ backendRequestId: "id-1" })
    expect(backendRequestOf("x".repeat(1000)).backendRequestId).toHaveLength(256)
    expect(backendRequestOf("\ud800").backendRequestId?.isWellFormed()).toBe(true)
  })
})
