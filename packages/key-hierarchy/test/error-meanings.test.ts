import { pluginErrorCodes } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { describe, expect, it } from "vitest"
import { endsLeases, errorMeanings } from "../src/index.ts"

/** Code, custody, whether every key of the tenant leaves memory at once, health, retry. */
const table = [
  ["DENIED", "denied", true, "counts", "never"],
  ["APPROVAL_PENDING", "says-nothing", false, "counts", "never"],
  ["CREDENTIAL_REJECTED", "credential-rejected", true, "counts", "after-refresh"],
  ["SEALED", "sealed", false, "counts", "never"],
  ["UNREACHABLE", "unavailable", false, "counts", "may-retry"],
  ["TIMED_OUT", "unavailable", false, "counts", "may-retry"],
  ["THROTTLED", "unavailable", false, "counts", "may-retry"],
  ["KEY_DISABLED", "denied", true, "counts", "never"],
  ["KEY_PENDING_DELETION", "denied", true, "counts", "never"],
  ["KEY_NOT_FOUND", "denied", true, "counts", "never"],
  ["NOT_FOUND", "says-nothing", false, "says-nothing", "never"],
  ["KEY_UNSUITABLE", "unusable", false, "counts", "never"],
  ["KEY_MISMATCH", "mismatch", true, "counts", "never"],
  ["CIPHERTEXT_REJECTED", "wrap-rejected", false, "says-nothing", "never"],
  ["BAD_RESPONSE", "unusable", false, "counts", "never"],
  ["INVALID_REQUEST", "says-nothing", false, "says-nothing", "never"],
  ["CANCELLED", "says-nothing", false, "says-nothing", "never"],
  ["UNSUPPORTED", "says-nothing", false, "says-nothing", "never"],
  ["INTERNAL", "says-nothing", false, "counts", "never"],
] as const

describe("the meaning of an error", () => {
  it.each(table)("is for %s: %s, ends leases %s, health %s, retry %s", (code, custody, ends, health, retry) => {
    expect(errorMeanings[code]).toEqual({ custody, health, retry })
    expect(endsLeases(code)).toBe(ends)
  })

  it("is stated for every code, also in this test", () => {
    expect(table.map(([code]) => code)).toEqual([...pluginErrorCodes])
  })

  it.each(pluginErrorCodes)("agrees with what the SDK says by default about trying %s again", (code) => {
    const { retryable } = pluginError(code, "An error.", "Look.")
    expect(errorMeanings[code].retry === "may-retry").toBe(retryable)
  })
})
