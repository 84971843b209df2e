import { describe, expect, it } from "vitest"
import { setUp, toyDocument } from "./set-up.ts"

describe("activating a keystore", () => {
  it("tests, makes the first tenant key, claims the L1 key, and answers with what it saw", async () => {
    const { manager, repository, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    expect(await manager.activate("acme", "primary", call())).toEqual({
      status: "connection_successful",
      plugin_status: "active",
      l1_key_location: "toy",
      key_operations_ready: true,
      server_version: "2.7.2",
    })
    expect(await manager.get("acme", "primary")).toMatchObject({
      state: "active",
      keyIdentity: "cluster-1/transit/master",
    })
    expect([...repository.claims]).toEqual([["toy cluster-1/transit/master", "acme"]])
    expect(repository.activations).toMatchObject([
      { tenantKey: { wraps: [{ keystoreId: "primary", l1KeyIdentity: "cluster-1/transit/master" }] } },
    ])
    expect(leaves().map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      "configurationCreate success",
      "credentialCreate success",
      "keystoreTest success",
      "keystoreActivate success",
      "keyCreate success",
      "tenantKeyWrap success",
    ])
  })

  it("only tests and answers when it is already active", async () => {
    const { manager, repository, server, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const first = await manager.activate("acme", "primary", call())
    expect(await manager.activate("acme", "primary", call())).toEqual(first)
    expect(repository.activations).toHaveLength(1)

    server.fault = "denied"
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({ code: "CONNECTION_TEST_FAILED" })
    expect(await manager.get("acme", "primary")).toMatchObject({ state: "active" })
  })

  it("makes one tenant key when it is asked for several times at once", async () => {
    const { manager, repository, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    await Promise.all([1, 2, 3].map(() => manager.activate("acme", "primary", call())))
    expect(repository.activations).toHaveLength(1)
  })

  it("is refused with the failed steps when the test fails", async () => {
    const { manager, repository, server, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    server.testFault = "fails its step"
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({
      code: "CONNECTION_TEST_FAILED",
      origin: "backend",
      retryable: false,
      steps: [{ name: "authentication" }, { name: "key_access", outcome: "failed" }, { name: "l2_derivation" }],
      cause: { code: "KEY_NOT_FOUND" },
    })
    expect(repository.claims.size).toBe(0)
    expect(leaves().slice(-2)).toMatchObject([
      { action: "keystoreTest", outcome: "failure", code: "KEY_NOT_FOUND", origin: "backend" },
      { action: "keystoreActivate", outcome: "failure", code: "CONNECTION_TEST_FAILED", origin: "backend" },
    ])
  })

  it("is refused when the keystore says that the key is disabled", async () => {
    const { manager, server, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    server.state = "DISABLED"
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({ code: "KEY_DISABLED" })
  })

  it.each([
    ["can be exported", true, "Use another key"],
    ["is not known to stay in its keystore", "unknown", "Grant read on the key"],
  ] as const)("is refused in production when the key %s, and claims nothing", async (_, exportable, nextStep) => {
    const { manager, repository, server, call, leaves } = setUp([], "production")
    await manager.add("acme", toyDocument(), call())
    server.exportable = exportable
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({
      code: "KEY_UNSUITABLE",
      origin: "backend",
      retryable: false,
      nextStep: expect.stringContaining(nextStep),
    })
    expect(repository.claims.size).toBe(0)
    expect(await manager.get("acme", "primary")).toMatchObject({ state: "inactive" })
    expect(leaves().at(-1)).toMatchObject({ action: "keystoreActivate", outcome: "failure", code: "KEY_UNSUITABLE" })

    server.exportable = false
    expect(await manager.activate("acme", "primary", call())).toMatchObject({ plugin_status: "active" })
  })

  it("does not need that outside of production", async () => {
    const { manager, server, call } = setUp([], "development")
    await manager.add("acme", toyDocument(), call())
    server.exportable = "unknown"
    expect(await manager.activate("acme", "primary", call())).toMatchObject({ plugin_status: "active" })
  })

  it("is refused for an L1 key of another tenant, without naming the tenant, and recorded", async () => {
    const { manager, repository, other, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.activate("acme", "primary", call())
    // Another host name and another name of the keystore do not make it another key.
    const second = toyDocument({ address: "https://other.example:8200" }, "mine")
    const globex = call({ tenantId: "globex" })
    await manager.add("globex", second, globex)
    const error = await manager.activate("globex", "mine", globex).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "L1_ALREADY_CLAIMED", origin: "caller", retryable: false })
    expect(JSON.stringify([String(error), error])).not.toContain("acme")
    expect(other.encryptedUnder).toHaveLength(1)
    expect(repository.activations).toHaveLength(1)
    expect(await manager.get("globex", "mine")).toMatchObject({ state: "inactive" })
    const last = leaves().at(-1)
    expect(last).toMatchObject({
      tenantId: "globex",
      action: "keystoreActivate",
      outcome: "failure",
      code: "L1_ALREADY_CLAIMED",
    })
    expect(JSON.stringify(last)).not.toContain("acme")
  })

  it("is also refused when another tenant claims the key meanwhile", async () => {
    const { manager, repository, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    repository.beforeActivation = () => repository.claims.set("toy cluster-1/transit/master", "globex")
    const error = await manager.activate("acme", "primary", call()).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "L1_ALREADY_CLAIMED" })
    expect(JSON.stringify([String(error), error])).not.toContain("globex")
  })

  it("is refused while the tenant has another active keystore", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.add("acme", toyDocument({ key_name: "second" }, "second"), call())
    await manager.activate("acme", "primary", call())
    await expect(manager.activate("acme", "second", call())).rejects.toMatchObject({ code: "ANOTHER_KEYSTORE_ACTIVE" })
  })

  it("is refused when the keystore is changed between test and claim", async () => {
    const { manager, repository, call } = setUp()
    const record = await manager.add("acme", toyDocument(), call())
    repository.beforeActivation = () => {
      repository.records.set("acme/primary", { ...record, revision: 2 })
    }
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({ code: "REVISION_MISMATCH" })
    expect(repository.claims.size).toBe(0)
  })

  it("succeeds when another replica activated the same keystore meanwhile", async () => {
    const { manager, repository, call } = setUp()
    const record = await manager.add("acme", toyDocument(), call())
    const keyIdentity = "cluster-1/transit/master"
    repository.beforeActivation = () => {
      repository.records.set("acme/primary", { ...record, state: "active", revision: 2, keyIdentity })
    }
    expect(await manager.activate("acme", "primary", call())).toMatchObject({ plugin_status: "active" })
  })

  it("fails when its audit entry cannot be stored", async () => {
    const { manager, intake, repository, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    intake.failure = new Error("disk full")
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" })
    expect(repository.claims.size).toBe(0)
  })

  it("does not begin for a caller who gave up while another activation ran", async () => {
    const { manager, repository, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const controller = new AbortController()
    const first = manager.activate("acme", "primary", call())
    const second = manager.activate("acme", "primary", call({ signal: controller.signal }))
    const third = manager.activate("acme", "primary", call())
    controller.abort()
    const order: string[] = []
    await Promise.all([
      first.then(() => order.push("first")),
      expect(second)
        .rejects.toMatchObject({ code: "CANCELLED" })
        .then(() => order.push("second")),
      third.then(() => order.push("third")),
    ])
    expect(order).toEqual(["second", "first", "third"])
    expect(repository.activations).toHaveLength(1)
  })
})
