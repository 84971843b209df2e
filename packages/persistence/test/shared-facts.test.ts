import { describe, expect, it } from "vitest"
import { openTestDatabase, testEngines } from "./support/engines.ts"

const engines = await testEngines()

describe.each(engines)("shared facts on $name", (engine) => {
  it("are what the first caller stated, even of several at the same time", async () => {
    const { sharedFacts } = await openTestDatabase(engine)
    const values = ["a", "b", "c", "d"]
    const seen = await Promise.all(values.map((value) => sharedFacts.firstStated("root", value)))
    expect(new Set(seen).size).toBe(1)
    expect(values).toContain(seen[0])
    expect(await sharedFacts.firstStated("root", "later")).toBe(seen[0])
    expect(await sharedFacts.firstStated("other", "later")).toBe("later")
  })
})
