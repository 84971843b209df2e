import { randomBytes } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeEnvelope, encodeEnvelopeHeader } from "../src/index.ts"
import { bytesOfTenantKey, sealServiceKey } from "./forged-keys.ts"
import { hostCall, openHierarchy } from "./in-memory.ts"

const message = "The envelope was not accepted."
const rejected = expect.objectContaining({ code: "CIPHERTEXT_REJECTED", origin: "caller", message })

describe("data keys", () => {
  it("are unwrapped from their envelope, for their tenant and service key", async () => {
    const { hierarchy } = await openHierarchy()
    await hierarchy.createServiceKey("acme", "billing", hostCall())
    const { plaintext, envelope, serviceKeyVersion } = await hierarchy.generateDataKey("acme", "billing", hostCall())
    expect(plaintext).toHaveLength(32)
    expect(serviceKeyVersion).toBe(1)
    const unwrapped = await hierarchy.unwrapDataKey("acme", "billing", envelope, hostCall())
    expect(Buffer.from(unwrapped.plaintext)).toEqual(Buffer.from(plaintext))
    await hierarchy.close()
  })

  it("are different each time, and so are their envelopes", async () => {
    const { hierarchy } = await openHierarchy()
    await hierarchy.createServiceKey("acme", "billing", hostCall())
    const made = await Promise.all(
      Array.from({ length: 50 }, () => hierarchy.generateDataKey("acme", "billing", hostCall())),
    )
    expect(new Set(made.map(({ plaintext }) => Buffer.from(plaintext).toString("hex"))).size).toBe(50)
    expect(new Set(made.map(({ envelope }) => Buffer.from(envelope).toString("hex"))).size).toBe(50)
    expect(new Set(made.map(({ auditEntryId }) => auditEntryId)).size).toBe(50)
    await hierarchy.close()
  })

  it("name tenant, key and versions in their envelope", async () => {
    const { hierarchy } = await openHierarchy()
    const { serviceKeyId } = await hierarchy.createServiceKey("acme", "billing", hostCall())
    const { envelope } = await hierarchy.generateDataKey("acme", "billing", hostCall())
    expect(decodeEnvelope(envelope)?.header).toMatchObject({
      kind: "dataKey",
      tenantId: "acme",
      keyVersion: 1,
      parentKeyId: serviceKeyId,
      parentKeyVersion: 1,
    })
    await hierarchy.close()
  })

  it("keep their material when they are rewrapped under a newer version of the service key", async () => {
    const { hierarchy, keys, l1, tenantKey, cold } = await openHierarchy()
    const first = await hierarchy.createServiceKey("acme", "billing", hostCall())
    const { plaintext, envelope } = await hierarchy.generateDataKey("acme", "billing", hostCall())
    // Version 2, as a rotation on another replica would store it.
    const tenantKeyBytes = await bytesOfTenantKey(l1.port, tenantKey, hostCall())
    keys.serviceKeys.push(sealServiceKey(tenantKeyBytes, { ...first, version: 2 }))
    await cold()

    const rewrapped = await hierarchy.rewrapDataKey("acme", "billing", envelope, hostCall())
    expect(rewrapped.serviceKeyVersion).toBe(2)
    expect(decodeEnvelope(rewrapped.envelope)?.header).toMatchObject({
      keyId: decodeEnvelope(envelope)?.header.keyId,
      parentKeyVersion: 2,
    })
    for (const each of [envelope, rewrapped.envelope]) {
      const { plaintext: again } = await hierarchy.unwrapDataKey("acme", "billing", each, hostCall())
      expect(Buffer.from(again)).toEqual(Buffer.from(plaintext))
    }
    await hierarchy.close()
  })
})

describe("data keys: the one opaque error", () => {
  it("refuses an envelope with any bit flipped, truncated or extended", async () => {
    const { hierarchy } = await openHierarchy()
    await hierarchy.createServiceKey("acme", "billing", hostCall())
    const { envelope } = await hierarchy.generateDataKey("acme", "billing", hostCall())
    const refuse = async (bytes: Uint8Array) => {
      await expect(hierarchy.unwrapDataKey("acme", "billing", bytes, hostCall())).rejects.toEqual(rejected)
    }
    for (let bit = 0; bit < envelope.length * 8; bit += 1) {
      const altered = Buffer.from(envelope)
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      await refuse(altered)
    }
    for (let length = 0; length < envelope.length; length += 1) await refuse(envelope.subarray(0, length))
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 1200 }), (extra) =>
        refuse(Buffer.concat([envelope, extra])),
      ),
      { numRuns: 30 },
    )
    await hierarchy.close()
  })

  it("refuses an envelope of another tenant, service key, version or kind, and one with any id replaced", async () => {
    const { hierarchy, onboard, keys } = await openHierarchy()
    await onboard("globex")
    const own = await hierarchy.createServiceKey("acme", "billing", hostCall())
    await hierarchy.createServiceKey("acme", "payroll", hostCall())
    const foreign = await hierarchy.createServiceKey("globex", "billing", hostCall("globex"))
    const { envelope } = await hierarchy.generateDataKey("acme", "billing", hostCall())
    const parts = decodeEnvelope(envelope)
    if (parts === undefined) throw new Error("the product wrote no envelope")
    const { header, headerBytes } = parts
    const sealed = envelope.subarray(headerBytes.length)
    const { envelope: foreignEnvelope } = await hierarchy.generateDataKey("globex", "billing", hostCall("globex"))
    const exchanged = [
      { ...header, tenantId: "globex" },
      { ...header, keyId: own.serviceKeyId },
      { ...header, keyVersion: 2 },
      { ...header, parentKeyId: foreign.serviceKeyId },
      { ...header, parentKeyId: own.parentKeyId },
      { ...header, parentKeyVersion: 2 },
      { ...header, kind: "serviceKey" as const },
    ].map((other) => Buffer.concat([encodeEnvelopeHeader(other), sealed]))
    for (const bytes of [foreignEnvelope, own.envelope, randomBytes(300), ...exchanged]) {
      await expect(hierarchy.unwrapDataKey("acme", "billing", bytes, hostCall())).rejects.toEqual(rejected)
      await expect(hierarchy.rewrapDataKey("acme", "billing", bytes, hostCall())).rejects.toEqual(rejected)
    }
    await expect(hierarchy.unwrapDataKey("acme", "payroll", envelope, hostCall())).rejects.toEqual(rejected)
    await expect(hierarchy.unwrapDataKey("globex", "billing", envelope, hostCall("globex"))).rejects.toEqual(rejected)
    expect(keys.serviceKeys).toHaveLength(3)
    await hierarchy.close()
  })

  it("refuses service keys that a database thief swapped, and says that the host's data is wrong", async () => {
    const { hierarchy, onboard, keys } = await openHierarchy()
    await onboard("globex")
    const billing = await hierarchy.createServiceKey("acme", "billing", hostCall())
    const payroll = await hierarchy.createServiceKey("acme", "payroll", hostCall())
    const foreign = await hierarchy.createServiceKey("globex", "billing", hostCall("globex"))
    for (const envelope of [payroll.envelope, foreign.envelope, Buffer.alloc(10)]) {
      keys.serviceKeys[0] = { ...billing, envelope }
      await expect(hierarchy.generateDataKey("acme", "billing", hostCall())).rejects.toMatchObject({
        code: "SERVICE_KEY_UNREADABLE",
        origin: "host",
      })
    }
    await hierarchy.close()
  })
})

describe("data keys: missing keys", () => {
  it("tells a missing service key from a missing tenant key", async () => {
    const { hierarchy, keys } = await openHierarchy()
    keys.custodies.set("empty", { epoch: 1, leaseMs: 30_000 })
    await expect(hierarchy.generateDataKey("acme", "none", hostCall())).rejects.toMatchObject({
      code: "SERVICE_KEY_NOT_FOUND",
    })
    await expect(hierarchy.createServiceKey("empty", "billing", hostCall("empty"))).rejects.toMatchObject({
      code: "TENANT_KEY_MISSING",
    })
    await hierarchy.close()
  })

  it("does not take a cache key for the name of a service key", async () => {
    const { hierarchy } = await openHierarchy()
    const { serviceKeyId } = await hierarchy.createServiceKey("acme", "billing", hostCall())
    await hierarchy.generateDataKey("acme", "billing", hostCall())
    for (const name of [`${serviceKeyId}/1`, "", "../billing", "a".repeat(5000), "\ud800"]) {
      await expect(hierarchy.generateDataKey("acme", name, hostCall())).rejects.toMatchObject({
        code: "SERVICE_KEY_NOT_FOUND",
      })
      await expect(hierarchy.createServiceKey("acme", name, hostCall())).rejects.toMatchObject({
        code: "SERVICE_KEY_NAME_INVALID",
      })
    }
    await hierarchy.close()
  })

  it("refuses a call whose caller has given up", async () => {
    const { hierarchy } = await openHierarchy()
    await hierarchy.createServiceKey("acme", "billing", hostCall())
    const call = hostCall("acme", AbortSignal.abort())
    await expect(hierarchy.generateDataKey("acme", "billing", call)).rejects.toMatchObject({ code: "CANCELLED" })
    await hierarchy.close()
  })
})
