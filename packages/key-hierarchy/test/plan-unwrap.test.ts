import { CodedError } from "@apeiro-cmk/plugin-interface"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { noConditions, type PlannedWrap, planUnwrap } from "../src/index.ts"

const keystoreId: fc.Arbitrary<string> = fc.constantFrom("primary", "second", "third", "fourth")
const wraps: fc.Arbitrary<PlannedWrap[]> = fc.array(
  fc.record({ keystoreId, state: fc.constantFrom("good" as const, "quarantined" as const) }),
  { maxLength: 6 },
)
const conditions = fc
  .array(fc.tuple(keystoreId, fc.constantFrom("in-service" as const, "out-of-service" as const)))
  .map((entries) => new Map(entries))
const forbids = new CodedError("KEY_STATE_FORBIDS", "Destroyed.", {
  origin: "caller",
  retryable: false,
  nextStep: "Look.",
})

describe("the plan to unwrap a tenant key", () => {
  it("is the one good wrap", () => {
    const wrap = { keystoreId: "primary", state: "good" } as const
    expect(planUnwrap([wrap], {}, noConditions)).toEqual({ allowed: true, wraps: [wrap] })
  })

  it("never has a quarantined wrap, nor one whose keystore is out of service", () => {
    fc.assert(
      fc.property(wraps, conditions, (all, known) => {
        const plan = planUnwrap(all, {}, known)
        for (const wrap of plan.allowed ? plan.wraps : []) {
          expect(wrap.state).toBe("good")
          expect(known.get(wrap.keystoreId)).not.toBe("out-of-service")
        }
      }),
    )
  })

  it("tries the first wrap that is left, and is refused exactly when none is left: for a mismatch, or for keystores out of service", () => {
    fc.assert(
      fc.property(wraps, conditions, (all, known) => {
        const left = all.filter((wrap) => wrap.state === "good" && known.get(wrap.keystoreId) !== "out-of-service")
        const plan = planUnwrap(all, {}, known)
        expect(plan.allowed).toBe(left.length > 0)
        if (plan.allowed) expect(plan.wraps[0]).toBe(left[0])
        else if (all.some(({ state }) => state === "good")) expect(plan.reason).toMatchObject({ code: "UNREACHABLE" })
        else expect(plan.reason).toMatchObject({ code: "KEY_MISMATCH", origin: "backend" })
      }),
    )
  })

  it("does not depend on quarantined wraps", () => {
    fc.assert(
      fc.property(wraps, conditions, (all, known) => {
        const without = planUnwrap(
          all.filter(({ state }) => state === "good"),
          {},
          known,
        )
        const plan = planUnwrap(all, {}, known)
        expect(plan.allowed).toBe(without.allowed)
        if (plan.allowed && without.allowed) expect(plan.wraps).toEqual(without.wraps)
      }),
    )
  })

  it("is refused with the reason of the custody, for any wraps and any keystores", () => {
    fc.assert(
      fc.property(wraps, conditions, (all, known) => {
        expect(planUnwrap(all, { forbids }, known)).toEqual({ allowed: false, reason: forbids })
      }),
    )
  })

  it("is the same each time, and does not change its arguments", () => {
    fc.assert(
      fc.property(wraps, conditions, (all, known) => {
        const before = structuredClone({ all, known })
        const [first, second] = [planUnwrap(all, {}, known), planUnwrap(all, {}, known)]
        expect(first.allowed).toBe(second.allowed)
        if (first.allowed && second.allowed) expect(first.wraps).toEqual(second.wraps)
        expect({ all, known }).toEqual(before)
      }),
    )
  })
})
