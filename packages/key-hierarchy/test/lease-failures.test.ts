import { describe, expect, it } from "vitest"
import { hostCall } from "./in-memory.ts"
import { settle, warm } from "./warm-lease.ts"

describe("leases: denied is not unreachable", () => {
  for (const code of [
    "DENIED",
    "KEY_DISABLED",
    "KEY_PENDING_DELETION",
    "KEY_NOT_FOUND",
    "CREDENTIAL_REJECTED",
  ] as const) {
    it(`end at once on ${code} during a renewal, and serve again when L1 does`, async () => {
      const { hierarchy, generate, envelope, clock, l1 } = await warm()
      l1.fail(code)
      await clock.advance(18_000)
      // Whether this call is answered before the denial arrives is a matter of chance.
      await generate().catch(() => undefined)
      await settle()
      await expect(generate()).rejects.toMatchObject({ code })
      await expect(hierarchy.unwrapDataKey("acme", "billing", envelope, hostCall())).rejects.toMatchObject({ code })
      expect(clock.pendingTimers()).toBe(0)
      l1.fail(undefined)
      await generate()
      await hierarchy.close()
    })
  }

  for (const code of ["UNREACHABLE", "TIMED_OUT", "THROTTLED", "SEALED", "INTERNAL"] as const) {
    it(`run to their end on ${code} during a renewal, and no longer`, async () => {
      const { hierarchy, generate, clock, l1 } = await warm()
      l1.fail(code)
      await clock.advance(18_000)
      await generate()
      await clock.advance(11_999)
      await generate()
      await clock.advance(1)
      await expect(generate()).rejects.toMatchObject({ code })
      l1.fail(undefined)
      await generate()
      await hierarchy.close()
    })
  }

  it("blame the stored wrap, not the caller, when L1 refuses it", async () => {
    const { hierarchy, generate, l1, cold } = await warm()
    await cold()
    l1.noted.length = 0
    l1.fail("CIPHERTEXT_REJECTED")
    await expect(generate()).rejects.toMatchObject({ code: "TENANT_KEY_UNREADABLE", origin: "backend" })
    l1.fail(undefined)
    await generate()
    expect(l1.noted).toEqual([
      [1, "TENANT_KEY_UNREADABLE"],
      [1, undefined],
    ])
    await hierarchy.close()
  })

  it("pause between failed renewals instead of asking L1 with every call", async () => {
    const { hierarchy, generate, clock, l1, decrypts } = await warm()
    l1.fail("UNREACHABLE")
    await clock.advance(18_000)
    const before = decrypts()
    for (let calls = 0; calls < 50; calls += 1) await generate()
    expect(decrypts()).toBe(before + 1)
    await clock.advance(1_500)
    await generate()
    expect(decrypts()).toBe(before + 2)
    await hierarchy.close()
  })

  it("run to their end while the database cannot be read", async () => {
    const { hierarchy, generate, clock, keys } = await warm()
    await clock.advance(18_000)
    keys.fail(new Error("in-memory: unreadable"))
    await generate()
    await clock.advance(11_999)
    await generate()
    await clock.advance(1)
    await expect(generate()).rejects.toThrow("unreadable")
    await hierarchy.close()
  })

  it("are refused by KEY_MISMATCH when L1 returns another key, and that key is never used", async () => {
    const { hierarchy, generate, clock, l1, logger } = await warm()
    for (const tampered of [(key: Uint8Array) => Buffer.from(key).fill(7), (key: Uint8Array) => key.subarray(0, 16)]) {
      l1.tamper(tampered)
      await clock.advance(30_000)
      await expect(generate()).rejects.toMatchObject({ code: "KEY_MISMATCH", origin: "backend" })
    }
    expect(logger.lines.some((line) => line.level === "error")).toBe(true)
    l1.tamper(undefined)
    await generate()
    await hierarchy.close()
  })

  it("give up on an L1 that does not answer, even if it ignores its signal", async () => {
    const { hierarchy, generate, clock, l1, cold } = await warm()
    await cold()
    const release = l1.hold()
    const waiting = expect(generate()).rejects.toMatchObject({ code: "TIMED_OUT" })
    await settle()
    await clock.advance(10_000)
    await waiting
    release()
    await settle()
    // The late answer was filled with zeros.
    expect(l1.handedOut.every((plaintext) => plaintext.every((byte) => byte === 0))).toBe(true)
    await hierarchy.close()
  })

  it("let one waiter give up without stopping the others", async () => {
    const { hierarchy, generate, l1, cold } = await warm()
    await cold()
    const release = l1.hold()
    const controller = new AbortController()
    const impatient = expect(
      hierarchy.generateDataKey("acme", "billing", hostCall("acme", controller.signal)),
    ).rejects.toMatchObject({ code: "CANCELLED" })
    const patient = generate()
    await settle()
    controller.abort()
    await impatient
    release()
    expect((await patient).plaintext).toHaveLength(32)
    await hierarchy.close()
  })
})

describe("leases: keys in memory", () => {
  it("fill every byte string that held a tenant or service key with zeros", async () => {
    const { hierarchy, generate, l1, drawn, cold } = await warm()
    await cold()
    await generate()
    await hierarchy.verifyTenant("acme", hostCall())
    await hierarchy.close()
    expect(l1.handedOut.length).toBeGreaterThan(3)
    for (const plaintext of l1.handedOut) expect(plaintext.every((byte) => byte === 0)).toBe(true)
    // Four draws are keys, not salts: the tenant key, the service key and two data keys.
    const zeroed = drawn.filter((bytes) => bytes.every((byte) => byte === 0))
    expect(zeroed.length).toBe(4)
  })

  it("are gone after close, which refuses later calls and leaves no timer", async () => {
    const { hierarchy, generate, clock, l1 } = await warm()
    l1.hold()
    await clock.advance(18_000)
    await generate()
    await hierarchy.close()
    await hierarchy.close()
    expect(clock.pendingTimers()).toBe(0)
    await expect(generate()).rejects.toMatchObject({ code: "CANCELLED", origin: "host" })
  })
})

describe("leases: several tenants and tenant keys", () => {
  it("end for every tenant key of the tenant on a denial, and for no other tenant", async () => {
    const { hierarchy, generate, clock, keys, l1, onboard, prepare, tenantKey, decrypts } = await warm()
    await onboard("globex")
    await hierarchy.createServiceKey("globex", "billing", hostCall("globex"))
    // A second tenant key of acme, at another keystore, with a service key under it.
    const second = await prepare("acme", "secondary")
    keys.tenantKeys.push(second)
    await hierarchy.createServiceKey("acme", "payroll", hostCall())
    expect(keys.serviceKeys.at(-1)?.parentKeyId).toBe(second.key.keyId)
    expect(second.key.keyId).not.toBe(tenantKey.key.keyId)
    await hierarchy.generateDataKey("acme", "payroll", hostCall())

    l1.fail("KEY_DISABLED")
    await clock.advance(18_000)
    await generate().catch(() => undefined)
    await settle()
    await expect(hierarchy.generateDataKey("acme", "payroll", hostCall())).rejects.toMatchObject({
      code: "KEY_DISABLED",
    })
    const before = decrypts()
    const release = l1.hold()
    await hierarchy.generateDataKey("globex", "billing", hostCall("globex"))
    // Due for renewal, and still served.
    expect(decrypts()).toBe(before + 1)
    release()
    await hierarchy.close()
  })

  it("are not lengthened by a renewal whose audit entry cannot be stored", async () => {
    const { hierarchy, generate, clock, audit, l1, logger } = await warm()
    await clock.advance(50_000)
    await generate()
    await clock.advance(18_000)
    audit.setDown(true)
    await expect(generate()).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" })
    await settle()
    expect(logger.lines).toMatchObject([{ level: "warn", fields: { tenantId: "acme", code: "AUDIT_UNAVAILABLE" } }])
    audit.setDown(false)
    l1.fail("UNREACHABLE")
    await clock.advance(11_999)
    await generate()
    await clock.advance(1)
    await expect(generate()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await hierarchy.close()
  })
})
