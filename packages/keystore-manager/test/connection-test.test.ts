import { describe, expect, it } from "vitest"
import { collect, secretText, setUp, toyDocument } from "./set-up.ts"

const outcomes = (steps: readonly { name: string; outcome: string }[]) =>
  steps.map(({ name, outcome }) => `${name} ${outcome}`)

describe("a connection test", () => {
  it("runs the plugin's steps and the host's own, and shows each when it has ended", async () => {
    const { manager, server, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const steps = manager.test("acme", { keystoreId: "primary" }, call())[Symbol.asyncIterator]()
    expect((await steps.next()).value).toMatchObject({ name: "authentication" })
    expect(server.encryptedUnder).toEqual([])
    expect((await steps.next()).value).toMatchObject({ name: "key_access" })
    expect((await steps.next()).value).toMatchObject({ name: "l2_derivation", outcome: "passed" })
    expect(await steps.next()).toMatchObject({ done: true })
    expect(server.encryptedUnder).toMatchObject([expect.stringMatching(/^connection-test-/)])
  })

  it("claims nothing and leaves the keystore inactive", async () => {
    const { manager, repository, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    await collect(manager.test("acme", { keystoreId: "primary" }, call()))
    expect(repository.claims.size).toBe(0)
    expect(await manager.get("acme", "primary")).toMatchObject({ state: "inactive", revision: 1 })
  })

  it("works before anything is saved, and keeps nothing", async () => {
    const { manager, repository, server, call, leaves } = setUp()
    const steps = await collect(manager.test("acme", { document: toyDocument() }, call()))
    expect(outcomes(steps)).toEqual(["authentication passed", "key_access passed", "l2_derivation passed"])
    expect(repository.records.size + repository.sealed.length).toBe(0)
    expect(server.closed).toBe(server.opened)
    expect(leaves()).toMatchObject([
      {
        action: "keystoreTest",
        resource: { id: "primary" },
        outcome: "success",
        facts: { saved: false, steps: { authentication: "passed", key_access: "passed", l2_derivation: "passed" } },
      },
    ])
    expect(JSON.stringify([leaves(), steps])).not.toContain(secretText)
  })

  it("may use the secrets of the saved keystore that a document would change", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const document = toyDocument({ token: { set: true, version: 1 }, note: "new" })
    const steps = await collect(manager.test("acme", { document }, call()))
    expect(outcomes(steps)).toContain("l2_derivation passed")
  })

  it("never uses another tenant's stored secrets", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const document = toyDocument({ token: { set: true, version: 1 } })
    await expect(collect(manager.test("globex", { document }, call({ tenantId: "globex" })))).rejects.toMatchObject({
      code: "CONFIGURATION_INVALID",
    })
  })

  it("skips the host's step when one before it failed, and records the failure", async () => {
    const { manager, call, leaves } = setUp()
    await manager.add("acme", toyDocument({ token: "wrong-token" }), call())
    const steps = await collect(manager.test("acme", { keystoreId: "primary" }, call()))
    expect(outcomes(steps)).toEqual(["authentication failed", "l2_derivation skipped"])
    const failure = { outcome: "failure", code: "CREDENTIAL_REJECTED", origin: "backend" }
    expect(leaves().at(-1)).toMatchObject({ action: "keystoreTest", ...failure })
    expect((await manager.health("acme", "primary")).last).toMatchObject({
      outcome: "failure",
      code: "CREDENTIAL_REJECTED",
    })
  })

  it("notices when the keystore returns something else", async () => {
    const { manager, server, call } = setUp()
    server.fault = "returns another plaintext"
    const steps = await collect(manager.test("acme", { document: toyDocument() }, call()))
    expect(steps.at(-1)).toMatchObject({ name: "l2_derivation", outcome: "failed", code: "KEY_MISMATCH" })
  })

  it.each([
    ["throws", "INTERNAL"],
    ["never ends", "BAD_RESPONSE"],
  ] as const)("shows it as a failed step when a plugin's test %s", async (testFault, code) => {
    const { manager, server, call } = setUp()
    server.testFault = testFault
    const steps = await collect(manager.test("acme", { document: toyDocument() }, call()))
    expect(steps.at(-2)).toMatchObject({ name: "connection", outcome: "failed", code })
    expect(steps.at(-1)).toMatchObject({ name: "l2_derivation", outcome: "skipped" })
    expect(JSON.stringify(steps)).not.toContain(secretText)
  })

  it.each(["operations", "the test itself"])("ends within thirty seconds when %s never answer", async (which) => {
    const { manager, server, call, clock } = setUp()
    if (which === "operations") server.fault = "hangs"
    else server.testFault = "hangs"
    const testing = collect(manager.test("acme", { document: toyDocument() }, call()))
    await clock.advance(30_000)
    expect((await testing).at(-2)).toMatchObject({ outcome: "failed", code: "TIMED_OUT" })
    expect(clock.pendingTimers()).toBe(0)
  })

  it.each(["none", "never ends", "hangs", "fails its step"] as const)(
    "leaves nothing open when the document is not saved: %s",
    async (testFault) => {
      const { manager, server, call, clock } = setUp()
      server.testFault = testFault
      for (let time = 0; time < 50; time += 1) {
        const testing = collect(manager.test("acme", { document: toyDocument({}, `unsaved-${time}`) }, call()))
        await clock.advance(30_000)
        await testing
      }
      expect([server.opened, server.closed]).toEqual([50, 50])
      expect(clock.pendingTimers()).toBe(0)
    },
  )

  it("is recorded as cancelled when its consumer leaves early", async () => {
    const { manager, server, call, leaves } = setUp()
    for await (const step of manager.test("acme", { document: toyDocument() }, call())) {
      expect(step.name).toBe("authentication")
      break
    }
    expect(leaves()).toMatchObject([
      { action: "keystoreTest", outcome: "failure", code: "CANCELLED", origin: "caller" },
    ])
    expect(server.closed).toBe(server.opened)
  })

  it("fails when its audit entry cannot be stored", async () => {
    const { manager, intake, call } = setUp()
    intake.failure = new Error("disk full")
    await expect(collect(manager.test("acme", { document: toyDocument() }, call()))).rejects.toMatchObject({
      code: "AUDIT_UNAVAILABLE",
    })
  })

  it("reports what is wrong with a document, and records it", async () => {
    const { manager, call, leaves } = setUp()
    await expect(
      collect(manager.test("acme", { document: toyDocument({ key_name: "" }) }, call())),
    ).rejects.toMatchObject({ code: "CONFIGURATION_INVALID", issues: [{ path: ["configuration", "key_name"] }] })
    expect(leaves()).toMatchObject([{ action: "keystoreTest", outcome: "failure", code: "CONFIGURATION_INVALID" }])
  })
})
