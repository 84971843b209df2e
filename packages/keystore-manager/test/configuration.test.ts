import { describe, expect, it } from "vitest"
import { redactedConfiguration } from "../src/index.ts"
import { address, at, otherAddress, secretText, setUp, toyDocument } from "./set-up.ts"

describe("adding a keystore", () => {
  it("stores what was entered, without the secret, and shows only that the secret is set", async () => {
    const { manager, repository, running, call, logger, leaves } = setUp()
    const record = await manager.add("acme", toyDocument(), call())
    expect(record).toMatchObject({
      tenantId: "acme",
      keystoreId: "primary",
      pluginType: "toy",
      configuration: { address, key_name: "master" },
      credentials: [{ name: "token", version: 1 }],
      state: "inactive",
      revision: 1,
    })
    expect(redactedConfiguration(record, running)).toEqual({
      address,
      key_name: "master",
      token: { set: true, version: 1 },
    })
    const visible = JSON.stringify([[...repository.records], leaves(), record])
    expect(visible).not.toContain(secretText)
    logger.assertNoCanary([secretText])
  })

  it("is in the audit log, together with its new secret", async () => {
    const { manager, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    expect(leaves()).toMatchObject([
      {
        action: "configurationCreate",
        resource: { type: "keystore", id: "primary", version: "1" },
        outcome: "success",
        actor: { type: "token", id: "token-1" },
        requestId: "request-1",
        traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      },
      { action: "credentialCreate", resource: { type: "credential", id: "primary/token", version: "1" } },
    ])
  })

  it("reports every fault at once, with its path, and stores nothing", async () => {
    const { manager, repository, call, leaves } = setUp()
    const document = toyDocument({ address: "ftp://x", key_name: undefined, token: "", surprise: 1 })
    const error = await manager.add("acme", document, call()).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "CONFIGURATION_INVALID", origin: "caller", retryable: false })
    const { issues } = error as { issues: { path: string[] }[] }
    expect(issues.map(({ path }) => path.join(".")).sort()).toEqual([
      "configuration.address",
      "configuration.key_name",
      "configuration.surprise",
      "configuration.token",
    ])
    expect(repository.records.size).toBe(0)
    expect(leaves()).toMatchObject([
      { action: "configurationCreate", outcome: "failure", code: "CONFIGURATION_INVALID" },
    ])
  })

  it.each([
    ["no object", "text", [[]]],
    ["nothing in it", {}, [["plugin_type"], ["plugin_name"], ["configuration"]]],
    ["a name that is a path", { ...toyDocument(), plugin_name: "../x" }, [["plugin_name"]]],
    ["an unknown field", { ...toyDocument(), plugin_version: 1 }, [["plugin_version"]]],
    ["a configuration that is a list", { ...toyDocument(), configuration: [] }, [["configuration"]]],
    [
      "a configuration that is too deep",
      toyDocument({ note: JSON.parse("[".repeat(50) + "]".repeat(50)) }),
      [["configuration"]],
    ],
    [
      "a secret that claims to be stored",
      toyDocument({ token: { set: true, version: 1 } }),
      [["configuration", "token"]],
    ],
    ["a secret that is too long", toyDocument({ token: "x".repeat(32_769) }), [["configuration", "token"]]],
    ["a secret that is a number", toyDocument({ token: 12345678 }), [["configuration", "token"]]],
  ])("refuses a document with %s", async (_, document, paths) => {
    const { manager, call } = setUp()
    await expect(manager.add("acme", document, call())).rejects.toMatchObject({
      code: "CONFIGURATION_INVALID",
      issues: paths.map((path) => ({ path })),
    })
  })

  it("refuses a type that no loaded plugin has, and lists the known ones", async () => {
    const { manager, call } = setUp()
    await expect(manager.add("acme", { ...toyDocument(), plugin_type: "azure" }, call())).rejects.toMatchObject({
      code: "PLUGIN_TYPE_UNKNOWN",
      issues: [{ path: ["plugin_type"], allowed: ["toy"] }],
    })
  })

  it("refuses a name that the tenant already has, but not one that another tenant has", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.add("globex", toyDocument(), call({ tenantId: "globex" }))
    await expect(manager.add("acme", toyDocument(), call())).rejects.toMatchObject({ code: "KEYSTORE_EXISTS" })
    expect((await manager.list("acme", { limit: 10 })).map(({ tenantId }) => tenantId)).toEqual(["acme"])
  })
})

describe("changing a keystore", () => {
  it.each([
    ["is left out", undefined],
    ["is sent as it reads back", { set: true, version: 1 }],
  ])("keeps a secret that %s", async (_, token) => {
    const { manager, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    const { configuration } = toyDocument({ token, note: "changed" })
    const record = await manager.change("acme", "primary", configuration, at(1), call())
    expect(record).toMatchObject({
      revision: 2,
      credentials: [{ name: "token", version: 1 }],
      configuration: { note: "changed" },
    })
    expect(leaves().slice(2)).toMatchObject([{ action: "configurationUpdate", facts: { changed: ["note"] } }])
    await manager.activate("acme", "primary", call())
  })

  it("replaces a secret by a new version, and drops the old one", async () => {
    const { manager, repository, server, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.change("acme", "primary", toyDocument({ note: "x" }).configuration, at(1), call())
    server.token = "another-token"
    const changed = await manager.change(
      "acme",
      "primary",
      toyDocument({ token: "another-token" }).configuration,
      at(2),
      call(),
    )
    expect(changed.credentials).toEqual([{ name: "token", version: 3 }])
    expect(repository.sealed.map(({ version }) => version)).toEqual([3])
    expect(leaves().slice(-3)).toMatchObject([
      { action: "configurationUpdate", facts: { changed: ["note", "token"] } },
      { action: "credentialCreate", resource: { id: "primary/token", version: "3" } },
      { action: "credentialDelete", resource: { id: "primary/token", version: "2" } },
    ])
    await manager.activate("acme", "primary", call())
  })

  it("removes a secret by null, where the plugin can do without", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument({ pin: "canary-pin" }), call())
    const record = await manager.change("acme", "primary", { ...toyDocument().configuration, pin: null }, at(1), call())
    expect(record.credentials).toEqual([{ name: "token", version: 2 }])
    await expect(
      manager.change("acme", "primary", { ...toyDocument().configuration, token: null }, at(2), call()),
    ).rejects.toMatchObject({ code: "CONFIGURATION_INVALID", issues: [{ path: ["configuration", "token"] }] })
  })

  it("refuses a secret version that is not in force", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const { configuration } = toyDocument({ token: { set: true, version: 7 } })
    await expect(manager.change("acme", "primary", configuration, at(1), call())).rejects.toMatchObject({
      code: "CONFIGURATION_INVALID",
    })
  })

  it("keeps a stored secret when the address is only written differently", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const port = toyDocument({ address: `${address.replace("https", "HTTPS")}/`, token: undefined })
    expect(await manager.change("acme", "primary", port.configuration, at(1), call())).toMatchObject({
      credentials: [{ name: "token", version: 1 }],
    })
  })

  it("never lets a stored secret go to another address", async () => {
    const { manager, call, other } = setUp()
    await manager.add("acme", toyDocument(), call())
    const moved = toyDocument({ address: otherAddress, token: undefined })
    const refusal = { code: "CONFIGURATION_INVALID", issues: [{ path: ["configuration", "address"] }] }
    await expect(manager.change("acme", "primary", moved.configuration, at(1), call())).rejects.toMatchObject(refusal)
    await expect(
      manager.test("acme", { document: moved }, call())[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject(refusal)
    const further = toyDocument({ further_addresses: [otherAddress], token: undefined })
    await expect(manager.change("acme", "primary", further.configuration, at(1), call())).rejects.toMatchObject({
      code: "CONFIGURATION_INVALID",
      issues: [{ path: ["configuration", "further_addresses"] }],
    })
    expect(other.opened).toBe(0)
    await manager.change("acme", "primary", toyDocument({ address: otherAddress }).configuration, at(1), call())
  })

  it("refuses a stale revision", async () => {
    const { manager, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.change("acme", "primary", toyDocument().configuration, at(1), call())
    await expect(manager.change("acme", "primary", toyDocument().configuration, at(1), call())).rejects.toMatchObject({
      code: "REVISION_MISMATCH",
    })
    expect(leaves().at(-1)).toMatchObject({
      action: "configurationUpdate",
      outcome: "failure",
      code: "REVISION_MISMATCH",
    })
  })

  it("lets one of two simultaneous changes win", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const change = (note: string) =>
      manager.change("acme", "primary", toyDocument({ note }).configuration, at(1), call())
    const outcomes = await Promise.allSettled([change("one"), change("two")])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "REVISION_MISMATCH" },
    })
  })

  it("fixes address, mount and key once it is active; writing out a default changes nothing", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.activate("acme", "primary", call())
    const { revision } = await manager.get("acme", "primary")
    const { configuration } = toyDocument({ key_name: "other", mount_path: "elsewhere" })
    await expect(manager.change("acme", "primary", configuration, at(revision), call())).rejects.toMatchObject({
      code: "IDENTITY_FIELD_FIXED",
      issues: [{ path: ["configuration", "mount_path"] }, { path: ["configuration", "key_name"] }],
    })
    const same = toyDocument({ mount_path: "transit", address: `${address}/`, note: "new" }).configuration
    const record = await manager.change("acme", "primary", same, at(revision), call())
    expect(record).toMatchObject({ state: "active", keyIdentity: "cluster-1/transit/master" })
  })

  it.each(["unknown", "../../etc", "", "x".repeat(10_000)])("does not find a keystore %j", async (keystoreId) => {
    const { manager, call } = setUp()
    const notFound = { code: "KEYSTORE_NOT_FOUND" }
    await expect(manager.get("acme", keystoreId)).rejects.toMatchObject(notFound)
    await expect(manager.change("acme", keystoreId, {}, at(1), call())).rejects.toMatchObject(notFound)
    await expect(manager.remove("acme", keystoreId, at(1), call())).rejects.toMatchObject(notFound)
    await expect(manager.activate("acme", keystoreId, call())).rejects.toMatchObject(notFound)
  })
})

describe("removing a keystore", () => {
  it("removes its secrets as well, and is in the audit log", async () => {
    const { manager, repository, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    await expect(manager.remove("acme", "primary", at(2), call())).rejects.toMatchObject({ code: "REVISION_MISMATCH" })
    await manager.remove("acme", "primary", at(1), call())
    expect(repository.records.size + repository.sealed.length).toBe(0)
    expect(leaves().slice(-2)).toMatchObject([
      { action: "configurationDelete", outcome: "success" },
      { action: "credentialDelete", resource: { id: "primary/token" } },
    ])
  })

  it("is refused while it wraps a tenant key", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.activate("acme", "primary", call())
    await expect(manager.remove("acme", "primary", at(2), call())).rejects.toMatchObject({ code: "KEYSTORE_IN_USE" })
  })
})

describe("set-up material", () => {
  it("is available before there is a secret, and never shows one", async () => {
    const { manager, call } = setUp()
    const { configuration } = toyDocument({ token: undefined })
    const document = { ...toyDocument(), configuration: { ...configuration } }
    const unsaved = await manager.setupMaterial("acme", { document }, call())
    expect(unsaved).toMatchObject([{ text: "allow master by undefined" }])
    expect(await manager.setupMaterial("acme", { document: toyDocument() }, call())).toMatchObject([
      { text: "allow master by object" },
    ])
    await manager.add("acme", toyDocument(), call())
    expect(await manager.setupMaterial("acme", { keystoreId: "primary" }, call())).toMatchObject([
      { text: "allow master by object" },
    ])
  })
})
