import { describe, expect, it } from "vitest"
import { openReferencePlugin, pluginContractResults } from "../src/index.ts"
import { identityMutants, mutatedIdentity } from "./mutants/identity-mutants.ts"

describe("a plugin with one fault fails the case that names it, and no other than those listed", () => {
  it.concurrent.each(identityMutants)("a plugin that $fault", { timeout: 120_000 }, async (mutant) => {
    const plugin = mutatedIdentity(mutant)
    const open = openReferencePlugin("identity", plugin)
    const results = await pluginContractResults("identity", { plugin, network: "tcp", open })
    const failed = results.filter(({ failure }) => failure !== undefined).map(({ name }) => name)
    expect(failed.toSorted()).toEqual([mutant.caughtBy, ...(mutant.andBy ?? [])].toSorted())
  })
})
