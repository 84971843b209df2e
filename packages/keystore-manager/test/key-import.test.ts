import { describe, expect, it } from "vitest"
import { setUp, toyDocument } from "./set-up.ts"

const wrapped = { encryptedKeyMaterial: new Uint8Array(552), providerParams: "opaque" }

describe("importing an L1 key", () => {
  it("may be refused by the plugin, and the refusal is in the audit log", async () => {
    const { manager, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    const unsupported = { code: "UNSUPPORTED", origin: "plugin" }
    await expect(manager.l1Import.parameters("acme", "primary", call())).rejects.toMatchObject(unsupported)
    await expect(manager.l1Import.material("acme", "primary", wrapped, call())).rejects.toMatchObject(unsupported)
    expect(leaves().at(-1)).toMatchObject({
      action: "keyCreate",
      outcome: "failure",
      code: "UNSUPPORTED",
      keystoreId: "primary",
      facts: { origin: "import" },
    })
  })

  it("is refused for an active keystore, whose L1 key is in use", async () => {
    const { manager, call, leaves } = setUp()
    await manager.add("acme", toyDocument(), call())
    await manager.activate("acme", "primary", call())
    const active = { code: "KEYSTORE_ACTIVE", origin: "caller" }
    await expect(manager.l1Import.parameters("acme", "primary", call())).rejects.toMatchObject(active)
    await expect(manager.l1Import.material("acme", "primary", wrapped, call())).rejects.toMatchObject(active)
    expect(leaves().at(-1)).toMatchObject({ action: "keyCreate", outcome: "failure", code: "KEYSTORE_ACTIVE" })
  })

  it.each(["acme", "other"])(
    "is refused by way of another keystore for a key that wraps for a tenant, here %s",
    async (owner) => {
      const { manager, call, leaves } = setUp()
      await manager.add(owner, toyDocument(), call({ tenantId: owner }))
      await manager.activate(owner, "primary", call({ tenantId: owner }))
      await manager.add("acme", toyDocument({}, "second"), call())
      const claimed = { code: "L1_ALREADY_CLAIMED", origin: "caller" }
      await expect(manager.l1Import.parameters("acme", "second", call())).rejects.toMatchObject(claimed)
      await expect(manager.l1Import.material("acme", "second", wrapped, call())).rejects.toMatchObject(claimed)
      expect(leaves().at(-1)).toMatchObject({ action: "keyCreate", outcome: "failure", code: "L1_ALREADY_CLAIMED" })
    },
  )

  it.each(["missing", "../other", ""])("does not find a keystore %j, nor another tenant's", async (keystoreId) => {
    const { manager, call } = setUp()
    await manager.add("other", toyDocument({}, "missing"), call({ tenantId: "other" }))
    const missing = { code: "KEYSTORE_NOT_FOUND" }
    await expect(manager.l1Import.parameters("acme", keystoreId, call())).rejects.toMatchObject(missing)
    await expect(manager.l1Import.material("acme", keystoreId, wrapped, call())).rejects.toMatchObject(missing)
  })
})
