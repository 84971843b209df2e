import { describe, expect, it } from "vitest"
import { TenantMemory } from "../src/index.ts"

describe("what is remembered for tenants", () => {
  it("is bounded for each: the tenant's own least recently used value goes first, and no other tenant's", () => {
    const memory = new TenantMemory<number>(3)
    memory.set("globex", "only", 1)
    for (const name of ["a", "b", "c"]) memory.set("acme", name, 1)
    expect(memory.get("acme", "a")).toBe(1)
    for (let number = 0; number < 2; number += 1) memory.set("acme", `d${number}`, 1)
    expect(["a", "b", "c", "d0", "d1"].map((name) => memory.get("acme", name))).toEqual([1, undefined, undefined, 1, 1])
    for (let number = 0; number < 1000; number += 1) memory.set("acme", `e${number}`, 1)
    expect(memory.get("globex", "only")).toBe(1)
  })

  it("ends with the tenant used least recently when there are very many", () => {
    const memory = new TenantMemory<number>(3)
    for (let number = 0; number <= 10_000; number += 1) memory.set(`tenant-${number}`, "x", number)
    expect(memory.get("tenant-0", "x")).toBeUndefined()
    expect(memory.get("tenant-1", "x")).toBe(1)
    memory.delete("tenant-1", "x")
    expect(memory.get("tenant-1", "x")).toBeUndefined()
  })
})
