import { randomBytes } from "node:crypto"
import { createKeyHierarchy } from "@apeiro-cmk/key-hierarchy"
import { describe, expect, it } from "vitest"
import { setUp, toyDocument } from "./set-up.ts"
import { storedKeys } from "./stored-keys.ts"

const leaseMs = 30_000

/** A tenant with its one active keystore, and the key hierarchy on it: all that custody mode `hyok` needs. */
async function tenant() {
  const all = setUp()
  const { manager, repository, audit, clock, logger, call } = all
  await manager.add("acme", toyDocument(), call())
  await manager.activate("acme", "primary", call())
  const random = { bytes: (length: number) => randomBytes(length) }
  const keys = storedKeys(repository, leaseMs)
  const hierarchy = createKeyHierarchy({ keys, l1: manager.l1, audit, clock, random, logger })
  await hierarchy.createServiceKey("acme", "billing", call())
  const generate = () => hierarchy.generateDataKey("acme", "billing", call())
  await generate()
  return { ...all, hierarchy, generate }
}

describe("a hyok tenant", () => {
  it("is refused at once when its keystore denies, at the latest with the next renewal of the lease", async () => {
    const { generate, server, clock, hierarchy } = await tenant()
    server.fault = "denied"
    await clock.advance(0.6 * leaseMs)
    await generate()
    await clock.advance(0)
    await expect(generate()).rejects.toMatchObject({ code: "DENIED", origin: "backend" })
    await expect(generate()).rejects.toMatchObject({ code: "DENIED", origin: "backend" })
    server.fault = "none"
    expect((await generate()).result.plaintext).toHaveLength(32)
    await hierarchy.close()
  })

  it("is served to the end of the lease while its keystore does not answer, and not a moment longer", async () => {
    const { generate, server, clock, hierarchy } = await tenant()
    server.fault = "hangs"
    await clock.advance(leaseMs - 1)
    expect((await generate()).result.plaintext).toHaveLength(32)
    await clock.advance(1)
    // The limit of the operation, not one of those around it.
    const timedOut = { code: "TIMED_OUT", message: "No answer within 8000 ms." }
    const refused = [1, 2, 3].map(() => expect(generate()).rejects.toMatchObject(timedOut))
    await clock.advance(9_000)
    await Promise.all(refused)
    await hierarchy.close()
  })

  it("has no fallback: a second active keystore is refused with the reason", async () => {
    const { manager, call, hierarchy } = await tenant()
    await manager.add("acme", toyDocument({ key_name: "second" }, "second"), call())
    await expect(manager.activate("acme", "second", call())).rejects.toMatchObject({
      code: "ANOTHER_KEYSTORE_ACTIVE",
      nextStep: "Keep using the active keystore: a tenant has one.",
    })
    await hierarchy.close()
  })
})
