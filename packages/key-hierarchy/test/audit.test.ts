import { describe, expect, it } from "vitest"
import { hostCall, openHierarchy } from "./in-memory.ts"

async function ready() {
  const opened = await openHierarchy()
  await opened.hierarchy.createServiceKey("acme", "billing", hostCall())
  const generate = () => opened.hierarchy.generateDataKey("acme", "billing", hostCall())
  return { ...opened, generate }
}

describe("audit of key operations", () => {
  it("records who did what, with the trace, for success and failure", async () => {
    const { hierarchy, generate, audit } = await ready()
    const { envelope, auditEntryId } = await generate()
    await hierarchy.unwrapDataKey("acme", "billing", envelope, hostCall())
    await hierarchy.rewrapDataKey("acme", "billing", envelope, hostCall())
    await expect(hierarchy.unwrapDataKey("acme", "billing", Buffer.alloc(5), hostCall())).rejects.toThrow()
    const [generated] = audit.events("dataKeyGenerate")
    expect(generated).toMatchObject({
      entryId: auditEntryId,
      tenantId: "acme",
      actor: { type: "token", id: "token-1" },
      requestId: "request-1",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      outcome: "success",
      resource: { type: "dataKey" },
      facts: { service_key: "billing", service_key_version: 1 },
    })
    expect(audit.events("dataKeyUnwrap")).toMatchObject([
      { outcome: "success", resource: generated?.resource },
      { outcome: "failure", code: "CIPHERTEXT_REJECTED", origin: "caller", resource: { id: "billing" } },
    ])
    expect(audit.events("dataKeyRewrap")).toMatchObject([{ outcome: "success", resource: generated?.resource }])
    await hierarchy.close()
  })

  it("answers nothing and fills the data key with zeros when its entry cannot be stored", async () => {
    const { hierarchy, generate, audit, drawn, keys, cold } = await ready()
    const { envelope } = await generate()
    audit.setDown(true)
    const before = drawn.length
    const unavailable = { code: "AUDIT_UNAVAILABLE" }
    await expect(generate()).rejects.toMatchObject(unavailable)
    const dataKey = drawn.slice(before).find(({ length }) => length === 32)
    expect(dataKey?.every((byte) => byte === 0)).toBe(true)
    await expect(hierarchy.unwrapDataKey("acme", "billing", envelope, hostCall())).rejects.toMatchObject(unavailable)
    await expect(hierarchy.rewrapDataKey("acme", "billing", envelope, hostCall())).rejects.toMatchObject(unavailable)
    await expect(hierarchy.generateDataKey("acme", "none", hostCall())).rejects.toMatchObject(unavailable)
    await expect(hierarchy.exportKeys("acme", hostCall())).rejects.toMatchObject(unavailable)
    await expect(hierarchy.verifyTenant("acme", hostCall())).rejects.toMatchObject(unavailable)
    await cold()
    await expect(generate()).rejects.toMatchObject(unavailable)
    audit.setDown(false)
    await generate()
    expect(keys.serviceKeys).toHaveLength(1)
    await hierarchy.close()
  })

  it("records the first unwrap of a tenant key, then one renewal per minute and outcome, and a change at once", async () => {
    const { hierarchy, generate, audit, clock, l1 } = await ready()
    // Calls every 10 s for three minutes: a renewal about every 20 s.
    const run = async (seconds: number) => {
      for (let passed = 0; passed < seconds; passed += 10) {
        await clock.advance(10_000)
        await generate().catch(() => undefined)
        await clock.advance(0)
      }
    }
    await run(170)
    const own = { resource: { type: "tenantKey" }, keystoreId: "primary", actor: { type: "host" } }
    expect(audit.events("tenantKeyUnwrap")).toMatchObject([{ ...own, outcome: "success" }])
    const renewals = audit.events("tenantKeyLeaseRenewal")
    expect(renewals.length).toBe(2)
    expect(renewals).toMatchObject([
      { ...own, outcome: "success" },
      { outcome: "success", facts: { unrecorded_renewals: 2 } },
    ])
    l1.fail("UNREACHABLE")
    await run(40)
    l1.fail("DENIED")
    await run(20)
    l1.fail(undefined)
    await run(20)
    const outcomes = audit.events("tenantKeyLeaseRenewal").slice(2)
    const codes = outcomes.map(({ outcome, code }) => code ?? outcome)
    expect(codes.filter((code, index) => code !== codes[index - 1])).toEqual(["UNREACHABLE", "DENIED", "success"])
    await hierarchy.close()
  })

  it("never writes a key to the log or the audit log", async () => {
    const { hierarchy, generate, audit, logger, drawn, l1, cold } = await ready()
    const canaries: Uint8Array[] = []
    l1.tamper((plaintext) => {
      canaries.push(Buffer.from(plaintext))
      return plaintext
    })
    await cold()
    const { plaintext, envelope } = await generate()
    await expect(hierarchy.unwrapDataKey("acme", "billing", envelope.subarray(1), hostCall())).rejects.toThrow()
    canaries.push(plaintext, ...drawn)
    logger.assertNoCanary(canaries.filter((canary) => canary.some((byte) => byte !== 0)))
    for (const canary of canaries) {
      expect(audit.text()).not.toContain(Buffer.from(canary).toString("base64"))
      expect(audit.text()).not.toContain(Buffer.from(canary).toString("hex"))
    }
    await hierarchy.close()
  })
})
