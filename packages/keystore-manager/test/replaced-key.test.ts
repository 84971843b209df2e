import { randomBytes } from "node:crypto"
import { createKeyHierarchy } from "@apeiro-cmk/key-hierarchy"
import { describe, expect, it, onTestFinished } from "vitest"
import { collect, setUp, toyDocument } from "./set-up.ts"
import { storedKeys } from "./stored-keys.ts"

const leaseMs = 30_000

/** An active keystore with a service key under it. */
async function activeKeystore() {
  const all = setUp()
  const { manager, repository, audit, clock, logger, call } = all
  await manager.add("acme", toyDocument(), call())
  await manager.activate("acme", "primary", call())
  const random = { bytes: (length: number) => randomBytes(length) }
  const keys = storedKeys(repository, leaseMs)
  const hierarchy = createKeyHierarchy({ keys, l1: manager.l1, audit, clock, random, logger })
  onTestFinished(() => hierarchy.close())
  await hierarchy.createServiceKey("acme", "billing", call())
  const generate = () => hierarchy.generateDataKey("acme", "billing", call())
  const test = () => collect(manager.test("acme", { keystoreId: "primary" }, call()))
  const health = () => manager.health("acme", "primary")
  return { ...all, generate, test, health }
}

const failing = {
  condition: "failing",
  last: { outcome: "failure", code: "TENANT_KEY_UNREADABLE", nextStep: expect.stringMatching(/^Restore the L1 key/) },
}

describe("an L1 key that was deleted and made again under its name", () => {
  it("fails data keys as a fault of the keystore, and its health says so until the stored wrap opens again", async () => {
    const { clock, generate, health, server, manager, call } = await activeKeystore()
    await generate()
    expect(await health()).toMatchObject({ condition: "healthy" })
    server.replaceKey()
    await clock.advance(leaseMs)
    await expect(generate()).rejects.toMatchObject({ code: "TENANT_KEY_UNREADABLE", origin: "backend" })
    expect(await health()).toMatchObject(failing)

    // Other calls succeed with the new key, and prove nothing.
    await manager.caller.use(await manager.get("acme", "primary"), call(), (keystore, options) =>
      keystore.probe(options),
    )
    await clock.advance(120_000)
    expect(await health()).toMatchObject(failing)
  })

  it("counts as well when the keystore opens the wrap to something else", async () => {
    const { clock, generate, health, server } = await activeKeystore()
    await generate()
    server.fault = "returns another plaintext"
    await clock.advance(leaseMs)
    await expect(generate()).rejects.toMatchObject({ code: "KEY_MISMATCH" })
    expect(await health()).toMatchObject({ condition: "failing", last: { code: "KEY_MISMATCH" } })
    server.fault = "none"
    await generate()
    expect(await health()).toMatchObject({ condition: "warning", last: { outcome: "success" } })
  })

  it("fails the connection test at the stored wrap, which is recorded, and the next activation", async () => {
    const { call, health, leaves, manager, server, test } = await activeKeystore()
    expect((await test()).at(-1)).toMatchObject({ name: "stored_wrap", outcome: "passed" })
    server.replaceKey()
    const steps = await test()
    expect(steps.at(-2)).toMatchObject({ name: "l2_derivation", outcome: "passed" })
    expect(steps.at(-1)).toMatchObject({
      name: "stored_wrap",
      outcome: "failed",
      code: "TENANT_KEY_UNREADABLE",
      message: expect.stringMatching(/another one.*or the stored wrap was altered/),
      nextStep: expect.stringMatching(/^Restore the L1 key/),
    })
    expect(leaves().slice(-2)).toMatchObject([
      {
        action: "tenantKeyUnwrap",
        outcome: "failure",
        code: "TENANT_KEY_UNREADABLE",
        facts: { purpose: "verification" },
      },
      {
        action: "keystoreTest",
        outcome: "failure",
        code: "TENANT_KEY_UNREADABLE",
        facts: { steps: { stored_wrap: "failed" } },
      },
    ])
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({
      code: "CONNECTION_TEST_FAILED",
      origin: "backend",
      nextStep: expect.stringMatching(/^Restore the L1 key/),
    })
    expect(await health()).toMatchObject(failing)
  })

  it("is known to be another one where the keystore says that it was made later than the wrap", async () => {
    const { clock, server, test } = await activeKeystore()
    server.replaceKey()
    server.keyMadeAtMs = clock.nowMs() + 3_600_000
    expect((await test()).at(-1)).toMatchObject({
      name: "stored_wrap",
      outcome: "failed",
      code: "KEY_MISMATCH",
      message: expect.stringMatching(/made .* later than the stored wrap/),
      nextStep: expect.not.stringMatching(/database/),
    })
  })

  it("is known to be another one where the keystore states another identity", async () => {
    const { server, test } = await activeKeystore()
    server.replaceKey()
    server.clusterId = "cluster-2"
    expect(await test()).toMatchObject([
      { name: "authentication", outcome: "passed" },
      { name: "key_access", outcome: "passed" },
      { name: "activated_key", outcome: "failed", code: "KEY_MISMATCH" },
      { name: "l2_derivation", outcome: "skipped" },
      { name: "stored_wrap", outcome: "skipped" },
    ])
  })
})

describe("an L1 key that has become exportable", () => {
  it("is seen by a probe while it is in use, stands in its health, and is forgotten once a probe succeeds", async () => {
    const { clock, generate, health, server } = await activeKeystore()
    server.exportable = true
    const use = async (leases: number) => {
      for (let count = 0; count < leases; count += 1) {
        await clock.advance(leaseMs)
        await generate()
      }
      await clock.advance(0)
    }
    await use(6)
    const probes = () => server.calls.filter((call) => call.startsWith("probe"))
    expect(await health()).toMatchObject({ condition: "healthy" })
    await use(5)
    expect(probes()).toHaveLength(1)
    await use(3)
    expect(await health()).toMatchObject({ condition: "failing", last: { code: "KEY_UNSUITABLE" } })
    server.exportable = false
    await use(11)
    expect(probes()).toHaveLength(2)
    expect(await health()).toMatchObject({ condition: "healthy", last: { outcome: "success" } })
  })
})

describe("a connection test", () => {
  it("does not try the stored wrap where an earlier step failed", async () => {
    const { server, test } = await activeKeystore()
    server.testFault = "fails its step"
    expect((await test()).at(-1)).toMatchObject({ name: "stored_wrap", outcome: "skipped" })
  })

  it("ends in time when the keystore hangs at the stored wrap", async () => {
    const { call, clock, manager, server } = await activeKeystore()
    const steps = manager.test("acme", { keystoreId: "primary" }, call())
    for (const name of ["authentication", "key_access", "activated_key", "l2_derivation"]) {
      expect((await steps.next()).value).toMatchObject({ name })
    }
    server.fault = "hangs"
    const last = steps.next()
    await clock.advance(8_000)
    expect((await last).value).toMatchObject({ name: "stored_wrap", outcome: "failed", code: "TIMED_OUT" })
  })
})
