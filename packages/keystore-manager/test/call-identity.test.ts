import { describe, expect, it } from "vitest"
import { at, collect, setUp, toyDocument } from "./set-up.ts"

const plaintext = new Uint8Array(32)

async function twoKeystores() {
  const all = setUp()
  await all.manager.add("acme", toyDocument(), all.call({ requestId: "add-1" }))
  await all.manager.add("acme", toyDocument({ key_name: "second" }, "second"), all.call({ requestId: "add-2" }))
  const logins = () => all.reported.map(({ requestId, keystoreId }) => `${requestId} ${keystoreId}`)
  return { ...all, logins }
}

describe("what a plugin reports for the audit stream", () => {
  it("names the request that opened the keystore, and tells two keystores of one tenant apart", async () => {
    const { manager, call, logins } = await twoKeystores()
    await collect(manager.test("acme", { keystoreId: "primary" }, call({ requestId: "test-1" })))
    await collect(manager.test("acme", { keystoreId: "second" }, call({ requestId: "test-2" })))
    expect(logins()).toEqual(["test-1 primary", "test-2 second"])
  })

  it("names the one request that began the opening for all who wait", async () => {
    const { manager, call, reported, logins } = await twoKeystores()
    await manager.activate("acme", "primary", call({ requestId: "activate-1" }))
    const { revision } = await manager.get("acme", "primary")
    const { configuration } = toyDocument({ note: "x" })
    await manager.change("acme", "primary", configuration, at(revision), call({ requestId: "change-1" }))
    const context = { tenantId: "acme", keyId: "tenant-key", keyVersion: 1 }
    const encrypt = (requestId: string) =>
      manager.l1.encrypt({ keystoreId: "primary", plaintext, context }, call({ requestId }))
    const before = reported.length
    await Promise.all(["first", "second", "third"].map(encrypt))
    expect(logins().slice(before)).toEqual(["first primary"])
  })

  it("names the keystore that a document would become", async () => {
    const { manager, call, logins } = await twoKeystores()
    await collect(manager.test("acme", { document: toyDocument({}, "planned") }, call({ requestId: "test-3" })))
    expect(logins()).toEqual(["test-3 planned"])
  })
})

describe("every call to a plugin", () => {
  it("carries the id of its keystore and of its own request", async () => {
    const { manager, call, server } = await twoKeystores()
    await manager.activate("acme", "primary", call({ requestId: "activate-1" }))
    const context = { tenantId: "acme", keyId: "tenant-key", keyVersion: 1 }
    const own = call({ requestId: "encrypt-1" })
    const wrap = await manager.l1.encrypt({ keystoreId: "primary", plaintext, context }, own)
    await manager.l1.decrypt({ keystoreId: "primary", ...wrap, context }, call({ requestId: "decrypt-1" }))
    expect(server.calls).toContain("login activate-1 primary")
    expect(server.calls).toContain("describe activate-1 primary")
    expect(server.calls.slice(-3)).toEqual([
      "encrypt encrypt-1 primary",
      "describe encrypt-1 primary",
      "decrypt decrypt-1 primary",
    ])
    expect(server.calls.filter((each) => !each.endsWith(" primary"))).toEqual([])
  })
})
