import type { EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { describe, expect, it } from "vitest"
import { at, secretText, setUp, toyDocument } from "./set-up.ts"

const context: EncryptionContext = { tenantId: "acme", keyId: "019ab3c4-0000-7000-8000-00000000000a", keyVersion: 1 }
const plaintext = new TextEncoder().encode("32 bytes of a tenant key, or so.")

async function active() {
  const all = setUp()
  await all.manager.add("acme", toyDocument(), all.call())
  await all.manager.activate("acme", "primary", all.call())
  const { l1 } = all.manager
  const encrypt = (call = all.call()) => l1.encrypt({ keystoreId: "primary", plaintext, context }, call)
  return { ...all, l1, encrypt }
}

describe("the tenants' L1 keys", () => {
  it("wrap and unwrap, and name the key", async () => {
    const { l1, encrypt, call } = await active()
    const wrap = await encrypt()
    expect(wrap).toMatchObject({
      l1KeyId: "master",
      l1KeyIdentity: "cluster-1/transit/master",
      l1KeyVersion: "1",
      backendRequestId: "toy-1",
    })
    const opened = await l1.decrypt({ keystoreId: "primary", ...wrap, context }, call())
    expect(Buffer.from(opened.plaintext)).toEqual(Buffer.from(plaintext))
  })

  it("pass a plugin's error on", async () => {
    const { l1, encrypt, call, server } = await active()
    const wrap = await encrypt()
    const altered = { keystoreId: "primary", ...wrap, context: { ...context, keyVersion: 2 } }
    await expect(l1.decrypt(altered, call())).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
    server.fault = "denied"
    await expect(encrypt()).rejects.toMatchObject({ code: "DENIED", origin: "backend" })
  })

  it("turn an error that no plugin may throw into INTERNAL, without its text", async () => {
    const { encrypt, server, logger } = await active()
    server.fault = "throws"
    const error = await encrypt().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: "INTERNAL", origin: "plugin" })
    expect(String(error) + String((error as Error).cause)).not.toContain(secretText)
    logger.assertNoCanary([secretText])
  })

  it("refuse another tenant's context, and do not find another tenant's keystore", async () => {
    const { l1, call } = await active()
    const request = { keystoreId: "primary", plaintext, context }
    const foreign = call({ tenantId: "globex" })
    await expect(l1.encrypt(request, foreign)).rejects.toMatchObject({ code: "INVALID_REQUEST", origin: "host" })
    const own = { ...request, context: { ...context, tenantId: "globex" } }
    await expect(l1.encrypt(own, foreign)).rejects.toMatchObject({ code: "KEYSTORE_NOT_FOUND" })
  })

  it("encrypt only by an active keystore", async () => {
    const { manager, call } = setUp()
    await manager.add("acme", toyDocument(), call())
    const request = { keystoreId: "primary", plaintext, context }
    await expect(manager.l1.encrypt(request, call())).rejects.toMatchObject({ code: "KEYSTORE_NOT_ACTIVE" })
  })
})

describe("a call to a keystore", () => {
  it("times out after eight seconds, even when the plugin ignores its signal", async () => {
    const { encrypt, server, clock } = await active()
    server.fault = "hangs"
    const refused = expect(encrypt()).rejects.toMatchObject({ code: "TIMED_OUT", retryable: true })
    await clock.advance(8_000)
    await refused
  })

  it("ends with the caller's own deadline, and with the caller's signal", async () => {
    const { encrypt, server, call, clock } = await active()
    server.fault = "hangs"
    const timedOut = expect(encrypt(call({ timeoutMs: 500 }))).rejects.toMatchObject({ code: "TIMED_OUT" })
    await clock.advance(500)
    await timedOut

    const controller = new AbortController()
    const cancelled = expect(encrypt(call({ signal: controller.signal }))).rejects.toMatchObject({ code: "CANCELLED" })
    controller.abort()
    await cancelled
    // The opened keystore's own: it is closed when nobody has used it for long.
    expect(clock.pendingTimers()).toBe(1)
  })

  it("does not begin when its caller has given up", async () => {
    const { encrypt, server, call } = await active()
    const before = server.encryptedUnder.length
    await expect(encrypt(call({ signal: AbortSignal.abort() }))).rejects.toMatchObject({ code: "CANCELLED" })
    expect(server.encryptedUnder).toHaveLength(before)
  })
})

describe("health", () => {
  it("shows the last outcome and latency of each keystore, and nothing before the first call", async () => {
    const { manager, call, encrypt, server, clock } = await active()
    await manager.add("acme", toyDocument({}, "second"), call())
    await encrypt()
    expect(await manager.health("acme", "primary")).toMatchObject({
      ...{ keystoreId: "primary", pluginType: "toy", state: "active", condition: "healthy" },
      last: { outcome: "success", atMs: clock.nowMs() },
    })
    const second = await manager.health("acme", "second")
    expect(second).toEqual({ keystoreId: "second", pluginType: "toy", state: "inactive", condition: "unknown" })
    await expect(manager.health("globex", "primary")).rejects.toMatchObject({ code: "KEYSTORE_NOT_FOUND" })

    server.fault = "hangs"
    const refused = expect(encrypt()).rejects.toMatchObject({ code: "TIMED_OUT" })
    await clock.advance(8_000)
    await refused
    expect((await manager.health("acme", "primary")).last).toMatchObject({
      outcome: "failure",
      code: "TIMED_OUT",
      latencyMs: 8_000,
    })

    server.fault = "none"
    await encrypt()
    expect((await manager.health("acme", "primary")).last).toMatchObject({ outcome: "success" })
  })

  it("does not blame the keystore for a fault of the host", async () => {
    const { manager, encrypt, server } = await active()
    server.fault = "the host cannot record it"
    await expect(encrypt()).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" })
    expect((await manager.health("acme", "primary")).last).toMatchObject({ outcome: "success" })
  })

  it("is not affected by a bad ciphertext or by a caller who gave up", async () => {
    const { manager, l1, encrypt, call } = await active()
    const wrap = await encrypt()
    const altered = { keystoreId: "primary", ...wrap, ciphertext: new Uint8Array(40), context }
    await expect(l1.decrypt(altered, call())).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
    await expect(encrypt(call({ signal: AbortSignal.abort() }))).rejects.toMatchObject({ code: "CANCELLED" })
    expect((await manager.health("acme", "primary")).last).toMatchObject({ outcome: "success" })
  })
})

describe("an opened keystore", () => {
  it("is opened once for many calls at once, and again after a change", async () => {
    const { manager, encrypt, server, call } = await active()
    const { revision } = await manager.get("acme", "primary")
    await manager.change("acme", "primary", toyDocument({ note: "x" }).configuration, at(revision), call())
    const before = server.opened
    await Promise.all(Array.from({ length: 20 }, () => encrypt()))
    expect(server.opened).toBe(before + 1)
    expect(server.closed).toBe(before)
  })

  it.each([
    ["its secret stays", undefined],
    ["its secret is replaced", secretText],
  ])("serves its running calls to their end when it is changed meanwhile and %s", async (_, token) => {
    const { manager, encrypt, server, call } = await active()
    await encrypt()
    const gate = Promise.withResolvers<void>()
    server.gate = gate.promise
    const closedBefore = server.closed
    const inFlight = encrypt()
    const { revision } = await manager.get("acme", "primary")
    await manager.change("acme", "primary", toyDocument({ note: "x", token }).configuration, at(revision), call())
    expect(server.closed).toBe(closedBefore)
    gate.resolve()
    expect(await inFlight).toMatchObject({ l1KeyId: "master" })
    await expect.poll(() => server.closed).toBe(closedBefore + 1)
  })

  it("is tried again after a failure to open", async () => {
    const { manager, encrypt, server, call } = await active()
    const { revision } = await manager.get("acme", "primary")
    await manager.change("acme", "primary", toyDocument({ note: "x" }).configuration, at(revision), call())
    server.openFault = pluginError("UNREACHABLE", "Not now.", "Wait.")
    await expect(encrypt()).rejects.toMatchObject({ code: "UNREACHABLE" })
    server.openFault = undefined
    expect(await encrypt()).toMatchObject({ l1KeyId: "master" })
  })

  it("is still opened when the first caller gives up while others wait", async () => {
    const { manager, encrypt, server, call } = await active()
    const { revision } = await manager.get("acme", "primary")
    await manager.change("acme", "primary", toyDocument({ note: "x" }).configuration, at(revision), call())
    const controller = new AbortController()
    const first = encrypt(call({ signal: controller.signal }))
    const second = encrypt()
    controller.abort()
    await expect(first).rejects.toMatchObject({ code: "CANCELLED" })
    expect(await second).toMatchObject({ l1KeyId: "master" })
    expect(server.opened).toBe(server.closed + 1)
  })

  it("is closed when nobody has used it for five minutes, without another call, and opened again by the next", async () => {
    const { encrypt, server, clock } = await active()
    await encrypt()
    await clock.advance(299_000)
    await encrypt()
    expect(server.closed).toBe(server.opened - 1)
    await clock.advance(300_000)
    expect(server.closed).toBe(server.opened)
    expect(await encrypt()).toMatchObject({ l1KeyId: "master" })
  })

  it("is closed with the manager, which then refuses calls", async () => {
    const { manager, encrypt, server } = await active()
    await encrypt()
    await manager.close()
    await manager.close()
    expect(server.closed).toBe(server.opened)
    await expect(encrypt()).rejects.toMatchObject({ code: "CANCELLED", origin: "host" })
  })

  it("is closed when it is removed, and not used for a keystore added again under its name", async () => {
    const { manager, server, call, clock } = setUp()
    await manager.add("acme", toyDocument(), call())
    for await (const step of manager.test("acme", { keystoreId: "primary" }, call()))
      expect(step.outcome).toBe("passed")
    await manager.remove("acme", "primary", at(1), call())
    await expect.poll(() => server.closed).toBe(1)
    await clock.advance(1)
    await manager.add("acme", toyDocument({ token: "wrong" }), call())
    await expect(manager.activate("acme", "primary", call())).rejects.toMatchObject({ code: "CONNECTION_TEST_FAILED" })
  })
})
