import type { EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { collect, setUp, toyDocument } from "./set-up.ts"

const context: EncryptionContext = { tenantId: "acme", keyId: "019ab3c4-0000-7000-8000-00000000000a", keyVersion: 1 }
const plaintext = new TextEncoder().encode("32 bytes of a tenant key, or so.")
const moved = {
  code: "KEY_MISMATCH",
  origin: "backend",
  retryable: false,
  message: expect.stringMatching(/"master".* to cluster-2\/transit\/master, not to cluster-1\/transit\/master/),
}

async function active() {
  const all = setUp()
  await all.manager.add("acme", toyDocument(), all.call())
  await all.manager.activate("acme", "primary", all.call())
  const { l1 } = all.manager
  const encrypt = () => l1.encrypt({ keystoreId: "primary", plaintext, context }, all.call())
  return { ...all, l1, encrypt }
}

describe("a name that leads to another key since the activation", () => {
  it("makes no wrap under the other key", async () => {
    const { encrypt, server, manager } = await active()
    server.moveNames("cluster-2")
    await expect(encrypt()).rejects.toMatchObject(moved)
    expect((await manager.health("acme", "primary")).last).toMatchObject({ outcome: "failure", code: "KEY_MISMATCH" })
  })

  it("is named where a wrap no longer opens", async () => {
    const { l1, encrypt, server, call } = await active()
    const wrap = await encrypt()
    server.moveNames("cluster-2")
    await expect(l1.decrypt({ keystoreId: "primary", ...wrap, context }, call())).rejects.toMatchObject(moved)
  })

  it("is named where the other key may not be used, and a denial stays one when the keystore falls silent", async () => {
    const { l1, encrypt, server, call, clock } = await active()
    const wrap = await encrypt()
    const decrypt = () => l1.decrypt({ keystoreId: "primary", ...wrap, context }, call())
    server.moveNames("cluster-2")
    server.deniesUse = true
    await expect(decrypt()).rejects.toMatchObject(moved)
    server.describeHangs = true
    const refused = expect(decrypt()).rejects.toMatchObject({ code: "DENIED" })
    await clock.advance(1_000)
    await refused
  })

  it("fails the connection test and a second activation, whatever the other key can do", async () => {
    const { manager, server, call } = await active()
    const before = await collect(manager.test("acme", { keystoreId: "primary" }, call()))
    expect(before.map(({ name, outcome }) => `${name} ${outcome}`)).toContain("activated_key passed")
    server.moveNames("cluster-2")
    const steps = await collect(manager.test("acme", { keystoreId: "primary" }, call()))
    const failed = { name: "activated_key", outcome: "failed", code: moved.code, message: moved.message }
    expect(steps.slice(-3)).toMatchObject([
      failed,
      { name: "l2_derivation", outcome: "skipped" },
      { name: "stored_wrap", outcome: "skipped" },
    ])
    expect((await manager.health("acme", "primary")).last).toMatchObject({ outcome: "failure", code: "KEY_MISMATCH" })
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({
      ...{ code: "CONNECTION_TEST_FAILED", message: moved.message, cause: { code: "KEY_MISMATCH" } },
    })
  })

  it("leaves an altered wrap of the right key what it is", async () => {
    const { l1, encrypt, call } = await active()
    const wrap = await encrypt()
    const altered = { keystoreId: "primary", ...wrap, ciphertext: new Uint8Array(40), context }
    await expect(l1.decrypt(altered, call())).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
  })

  it("is not activated under the identity of the key that it led to at first", async () => {
    const { manager, server, repository, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    server.afterDescribe = () => server.moveNames("cluster-2")
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject(moved)
    expect(repository.claims.size).toBe(0)
  })

  it("decides nothing before the activation", async () => {
    const { manager, server, repository, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    await collect(manager.test("acme", { keystoreId: "primary" }, call()))
    server.moveNames("cluster-2")
    await manager.activate("acme", "primary", call())
    expect([...repository.claims.keys()]).toEqual(["toy cluster-2/transit/master"])
  })
})
