import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { describe, expect, it } from "vitest"
import { hostCall } from "./in-memory.ts"
import { settle, warm } from "./warm-lease.ts"

describe("leases", () => {
  it("serve any number of parallel calls without asking L1", async () => {
    const { hierarchy, generate, decrypts } = await warm()
    const before = decrypts()
    await Promise.all(Array.from({ length: 3000 }, generate))
    expect(decrypts()).toBe(before)
    await hierarchy.close()
  })

  it("ask L1 once for any number of parallel calls on a cold start", async () => {
    const { hierarchy, generate, decrypts, keys, cold } = await warm()
    await cold()
    const before = decrypts()
    const reads = keys.reads.serviceKeys
    await Promise.all(Array.from({ length: 1000 }, generate))
    expect(decrypts()).toBe(before + 1)
    expect(keys.reads.serviceKeys).toBe(reads + 1)
    await hierarchy.close()
  })

  it("end by the monotonic clock, and the next call asks L1 again", async () => {
    const { hierarchy, generate, decrypts, clock, l1 } = await warm()
    const before = decrypts()
    await clock.advance(30_000)
    await generate()
    expect(decrypts()).toBe(before + 1)
    await clock.advance(30_000)
    l1.fail("UNREACHABLE")
    await expect(generate()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await hierarchy.close()
  })

  it("end by a jump of the wall clock, though no time has passed", async () => {
    const { hierarchy, generate, clock, l1 } = await warm()
    l1.fail("UNREACHABLE")
    clock.jumpWall(29_999)
    await generate()
    clock.jumpWall(1)
    await expect(generate()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await hierarchy.close()
  })

  it("are not lengthened by a wall clock that is set back", async () => {
    const { hierarchy, generate, clock, l1 } = await warm()
    l1.fail("UNREACHABLE")
    clock.jumpWall(-3_600_000)
    await clock.advance(30_000)
    await expect(generate()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await hierarchy.close()
  })

  it("run from the sending of the request to L1, not from its answer", async () => {
    const { hierarchy, generate, clock, l1, cold } = await warm()
    await cold()
    const release = l1.hold()
    const slow = generate()
    await settle()
    await clock.advance(8_000)
    release()
    await slow
    l1.fail("UNREACHABLE")
    await clock.advance(21_999)
    await generate()
    await clock.advance(1)
    await expect(generate()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await hierarchy.close()
  })

  it("are not renewed while they are idle, and leave no timer behind", async () => {
    const { hierarchy, clock, decrypts } = await warm()
    const before = decrypts()
    expect(clock.pendingTimers()).toBe(1)
    await clock.advance(300_000)
    expect(decrypts()).toBe(before)
    expect(clock.pendingTimers()).toBe(0)
    await hierarchy.close()
  })

  it("are renewed ahead, once, at 60 %, while calls go on being served", async () => {
    const { hierarchy, generate, clock, l1, decrypts } = await warm()
    const before = decrypts()
    await clock.advance(17_999)
    await generate()
    expect(decrypts()).toBe(before)
    await clock.advance(1)
    const release = l1.hold()
    await Promise.all(Array.from({ length: 200 }, generate))
    expect(decrypts()).toBe(before + 1)
    release()
    await clock.advance(0)
    // The renewed lease runs from the moment of its renewal, at 18 s.
    l1.fail("UNREACHABLE")
    await clock.advance(29_999)
    await generate()
    await hierarchy.close()
  })

  it("that end while their renewal is under way wait for it instead of asking L1 a second time", async () => {
    const { hierarchy, generate, clock, l1, decrypts } = await warm({ leaseMs: 10_000 })
    await clock.advance(6_000)
    const release = l1.hold()
    const before = decrypts()
    await generate()
    await clock.advance(5_000)
    const waiting = Promise.all([generate(), generate()])
    await settle()
    release()
    await waiting
    expect(decrypts()).toBe(before + 1)
    l1.fail("UNREACHABLE")
    await clock.advance(4_999)
    await generate()
    await clock.advance(1)
    await expect(generate()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await hierarchy.close()
  })

  it("take a new length from the tenant at the next renewal", async () => {
    const { hierarchy, generate, clock, keys, l1 } = await warm()
    keys.custodies.set("acme", { epoch: 1, leaseMs: 2_000 })
    await clock.advance(18_000)
    await generate()
    await clock.advance(0)
    l1.fail("UNREACHABLE")
    await clock.advance(2_000)
    await expect(generate()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await hierarchy.close()
  })

  it("end at a renewal that finds another epoch, even where L1 does not answer", async () => {
    const { hierarchy, generate, clock, keys, l1 } = await warm()
    keys.custodies.set("acme", { epoch: 2, leaseMs: 30_000 })
    l1.fail("UNREACHABLE")
    await clock.advance(18_000)
    await generate().catch(() => undefined)
    await settle()
    await expect(generate()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await hierarchy.close()
  })

  it("are not granted on an answer that a denial at another tenant key has overtaken", async () => {
    const { hierarchy, generate, l1, decrypts, cold } = await withSecondTenantKey()
    const { decrypt } = l1.port
    l1.port.decrypt = async (request, call) => {
      if (request.keystoreId === "secondary") throw pluginError("DENIED", "in-memory: denied", "Nothing: a test.")
      return decrypt(request, call)
    }
    await cold()
    const release = l1.hold()
    const before = decrypts()
    const waiting = generate()
    await settle()
    await expect(hierarchy.generateDataKey("acme", "payroll", hostCall())).rejects.toMatchObject({ code: "DENIED" })
    release()
    await waiting
    expect(decrypts()).toBe(before + 2)
    await hierarchy.close()
  })

  it("are not granted on an answer that a newer epoch has overtaken", async () => {
    const { hierarchy, generate, keys, l1, decrypts, cold } = await withSecondTenantKey()
    await cold()
    const release = l1.hold()
    const before = decrypts()
    const waiting = generate()
    await settle()
    keys.custodies.set("acme", { epoch: 2, leaseMs: 30_000 })
    const other = hierarchy.generateDataKey("acme", "payroll", hostCall())
    await settle()
    release()
    await Promise.all([waiting, other])
    // The first key once more, since its first answer belongs to the epoch before.
    expect(decrypts()).toBe(before + 3)
    await hierarchy.close()
  })
})

/** Adds a second tenant key of acme, at the keystore `secondary`, with the service key `payroll` under it. */
async function withSecondTenantKey() {
  const opened = await warm()
  opened.keys.tenantKeys.push(await opened.prepare("acme", "secondary"))
  await opened.hierarchy.createServiceKey("acme", "payroll", hostCall())
  return opened
}
