import { describe, expect, it } from "vitest"
import { callMutants } from "./mutants/call-mutants.ts"
import { configurationMutants } from "./mutants/configuration-mutants.ts"
import { connectionTestMutants } from "./mutants/connection-test-mutants.ts"
import { cryptographyMutants } from "./mutants/cryptography-mutants.ts"
import { keyMutants } from "./mutants/key-mutants.ts"
import { failuresOf } from "./mutants/mutant.ts"
import { secrecyMutants } from "./mutants/secrecy-mutants.ts"

const mutants = [
  ...[cryptographyMutants, keyMutants, callMutants, secrecyMutants]
    .flat()
    .map((mutant) => ({ ...mutant, longCases: [] })),
  ...connectionTestMutants.map((mutant) => ({ ...mutant, longCases: ["connectionTest"] as const })),
  ...configurationMutants.map((mutant) => ({ ...mutant, longCases: ["configuration"] as const })),
]

describe("a plugin with one fault fails the case that names it, and no other than those listed", () => {
  it.concurrent.each(mutants)("a plugin that $fault", { timeout: 120_000 }, async (mutant) => {
    const failures = await failuresOf(mutant, mutant)
    const expected = [mutant.caughtBy, ...(mutant.andBy ?? [])]
    expect(expected.filter((name) => !failures.has(name))).toEqual([])
    expect([...failures].filter(([name]) => !expected.includes(name))).toEqual([])
  })
})

describe("a plugin without a fault", () => {
  it("passes every case when it is run the same way", async () => {
    expect(await failuresOf({})).toEqual(new Map())
  })
})
