import { requestConfiguration } from "@apeiro-cmk/plugin-sdk"
import { auditAcknowledgementTimeoutMs } from "@apeiro-cmk/plugin-wire/serve"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import { timeBudgets } from "../src/index.ts"

type Row = { readonly limitMs: number; readonly within?: string }
const rows: readonly (readonly [string, Row])[] = Object.entries(timeBudgets)
const inner = rows.filter(([, { within }]) => within !== undefined)

describe("time budgets", () => {
  it.each(inner)("give %s less time than the limit that encloses it", (_, { limitMs, within }) => {
    const outer = rows.find(([name]) => name === within)
    expect(outer).toBeDefined()
    expect(limitMs).toBeLessThan(outer?.[1].limitMs ?? 0)
  })

  it("lead from a request down to one request of a plugin", () => {
    const path = ["pluginRequest"]
    for (let next = rows.find(([name]) => name === path[0])?.[1].within; next !== undefined; ) {
      path.unshift(next)
      next = rows.find(([name]) => name === path[0])?.[1].within
    }
    expect(path).toEqual([
      "request",
      "serviceKeyLoad",
      "leaseRenewal",
      "keystoreOperation",
      "keystoreOpening",
      "pluginRequest",
    ])
  })

  it("state the time that the plugin SDK gives one request by default", () => {
    const { requestTimeoutMs } = z.strictObject(requestConfiguration).parse({})
    expect(requestTimeoutMs).toBe(timeBudgets.pluginRequest.limitMs)
  })

  it("state the time that a plugin's process waits for the acknowledgement of an audit event", () => {
    expect(auditAcknowledgementTimeoutMs).toBe(timeBudgets.auditAcknowledgement.limitMs)
  })
})
