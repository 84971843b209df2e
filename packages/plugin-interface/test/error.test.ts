import { describe, expect, it } from "vitest"
import { CodedError, isCodedError, isPluginError, PluginError } from "../src/index.ts"

const facts = { origin: "backend", retryable: false, nextStep: "Enable the key." } as const

describe("errors", () => {
  it("are recognised by their marker, also when they come from another copy of the package", () => {
    const foreign = Object.assign(new Error("x"), { [Symbol.for("@apeiro-cmk/plugin-error")]: true, code: "DENIED" })
    expect(isPluginError(foreign)).toBe(true)
    expect(isPluginError(new PluginError("DENIED", "x", facts))).toBe(true)
    expect(isCodedError(new PluginError("DENIED", "x", facts))).toBe(true)
  })

  it("of another class are not plugin errors", () => {
    expect(isPluginError(new CodedError("DENIED", "x", facts))).toBe(false)
    for (const value of [new Error("x"), "DENIED", null, undefined, { code: "DENIED" }]) {
      expect(isPluginError(value)).toBe(false)
      expect(isCodedError(value)).toBe(false)
    }
  })

  it("carry code, origin, retryability, next step and cause", () => {
    const cause = new Error("underneath")
    expect(new PluginError("KEY_DISABLED", "disabled", { ...facts, cause })).toMatchObject({
      name: "PluginError",
      code: "KEY_DISABLED",
      ...facts,
      cause,
    })
  })
})
