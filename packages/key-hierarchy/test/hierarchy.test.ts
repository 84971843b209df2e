import { describe, expect, it } from "vitest"
import type { KeyLifecycleState } from "../src/index.ts"
import { hostCall, openHierarchy } from "./in-memory.ts"

type Opened = Awaited<ReturnType<typeof openHierarchy>>

function setTenantKeyState({ keys }: Opened, state: KeyLifecycleState): void {
  const [stored] = keys.tenantKeys
  if (stored === undefined) throw new Error("no tenant key")
  keys.tenantKeys[0] = { ...stored, key: { ...stored.key, state } }
}

function setServiceKeyState({ keys }: Opened, state: KeyLifecycleState): void {
  const [record] = keys.serviceKeys
  if (record === undefined) throw new Error("no service key")
  keys.serviceKeys[0] = { ...record, state }
}

describe("states of keys", () => {
  const forbids = { code: "KEY_STATE_FORBIDS", origin: "caller" }
  const table: readonly (readonly [KeyLifecycleState, "allowed" | "refused", "allowed" | "refused"])[] = [
    ["PreActive", "refused", "refused"],
    ["Active", "allowed", "allowed"],
    ["Suspended", "refused", "allowed"],
    ["Deactivated", "refused", "allowed"],
    ["Compromised", "refused", "allowed"],
    ["Destroyed", "refused", "refused"],
  ]
  for (const [level, setState] of [
    ["tenant key", setTenantKeyState],
    ["service key", setServiceKeyState],
  ] as const) {
    for (const [state, encrypt, decrypt] of table) {
      it(`under a ${level} that is ${state}, encrypt is ${encrypt} and decrypt ${decrypt}`, async () => {
        const opened = await openHierarchy()
        const { hierarchy } = opened
        await hierarchy.createServiceKey("acme", "billing", hostCall())
        const { envelope } = await hierarchy.generateDataKey("acme", "billing", hostCall())
        setState(opened, state)
        await opened.cold()
        const outcome = (work: Promise<unknown>) =>
          work.then(
            () => "allowed",
            (error: unknown) => error,
          )
        const refusal = expect.objectContaining(forbids)
        const expected = (verdict: "allowed" | "refused") => (verdict === "allowed" ? "allowed" : refusal)
        expect(await outcome(hierarchy.generateDataKey("acme", "billing", hostCall()))).toEqual(expected(encrypt))
        expect(await outcome(hierarchy.unwrapDataKey("acme", "billing", envelope, hostCall()))).toEqual(
          expected(decrypt),
        )
        expect(await outcome(hierarchy.rewrapDataKey("acme", "billing", envelope, hostCall()))).toEqual(
          expected(encrypt),
        )
        await hierarchy.close()
      })
    }
  }

  it("allow a new service key only under an active tenant key", async () => {
    const opened = await openHierarchy()
    for (const state of ["PreActive", "Suspended", "Deactivated", "Compromised", "Destroyed"] as const) {
      setTenantKeyState(opened, state)
      await opened.cold()
      await expect(opened.hierarchy.createServiceKey("acme", "billing", hostCall())).rejects.toMatchObject(forbids)
    }
    expect(opened.keys.serviceKeys).toHaveLength(0)
    await opened.hierarchy.close()
  })

  it("take effect with the next renewal of the lease at the latest", async () => {
    const opened = await openHierarchy()
    const { hierarchy, clock } = opened
    await hierarchy.createServiceKey("acme", "billing", hostCall())
    await hierarchy.generateDataKey("acme", "billing", hostCall())
    setServiceKeyState(opened, "Suspended")
    await clock.advance(18_000)
    await hierarchy.generateDataKey("acme", "billing", hostCall())
    await clock.advance(0)
    await expect(hierarchy.generateDataKey("acme", "billing", hostCall())).rejects.toMatchObject(forbids)
    await hierarchy.close()
  })
})

describe("preparing a tenant key", () => {
  it("makes a real round trip through L1 and stores nothing", async () => {
    const { l1, tenantKey, keys } = await openHierarchy()
    expect(l1.calls).toEqual({ encrypt: 1, decrypt: 1 })
    expect(tenantKey.key).toMatchObject({ tenantId: "acme", version: 1, state: "Active" })
    expect(tenantKey.key.commitment).toHaveLength(32)
    expect(tenantKey.wraps).toMatchObject([
      { keystoreId: "primary", l1KeyIdentity: "in-memory/primary/l1", state: "good" },
    ])
    expect(tenantKey.audit.map(({ entryId }) => entryId)).toContain(tenantKey.wraps[0]?.auditEntryId)
    expect(keys.serviceKeys).toHaveLength(0)
  })

  it("refuses a keystore that returns another key, or does not encrypt", async () => {
    const { prepare, l1, audit } = await openHierarchy()
    l1.tamper((plaintext) => Buffer.from(plaintext).fill(1))
    await expect(prepare("acme", "second")).rejects.toMatchObject({ code: "KEY_MISMATCH" })
    l1.tamper(undefined)
    l1.port.encrypt = async ({ plaintext }) => ({
      ciphertext: Buffer.concat([Buffer.from("v1:"), plaintext]),
      l1KeyId: "l1",
      l1KeyIdentity: "plain",
      l1KeyVersion: "1",
    })
    await expect(prepare("acme", "second")).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
    expect(audit.events("tenantKeyWrap")).toMatchObject([
      { outcome: "failure", code: "KEY_MISMATCH", keystoreId: "second" },
      { outcome: "failure", code: "KEY_UNSUITABLE", keystoreId: "second" },
    ])
  })

  it("passes a failure of L1 through unchanged", async () => {
    const { prepare, l1 } = await openHierarchy()
    l1.fail("DENIED")
    await expect(prepare("acme", "second")).rejects.toMatchObject({ code: "DENIED" })
  })
})

describe("verifying a tenant", () => {
  it("reports of each wrap its L1, whether it opens, and where that is recorded", async () => {
    const opened = await openHierarchy()
    const { hierarchy, l1, tenantKey } = opened
    const [wrap] = tenantKey.wraps
    const verify = () => hierarchy.verifyTenant("acme", hostCall())
    const about = { keystoreId: "primary", l1KeyIdentity: "in-memory/primary/l1", auditEntryId: wrap?.auditEntryId }
    expect((await verify()).tenantKeys).toMatchObject([
      { version: 1, state: "Active", wraps: [{ ...about, opens: true }] },
    ])
    l1.tamper((plaintext) => Buffer.from(plaintext).fill(1))
    expect((await verify()).tenantKeys).toMatchObject([{ wraps: [{ ...about, opens: false, code: "KEY_MISMATCH" }] }])
    l1.tamper(undefined)
    l1.fail("KEY_DISABLED")
    expect((await verify()).tenantKeys).toMatchObject([{ wraps: [{ ...about, opens: false, code: "KEY_DISABLED" }] }])
    await hierarchy.close()
  })

  it("reports a quarantined wrap without asking L1", async () => {
    const { hierarchy, keys, l1, tenantKey, audit } = await openHierarchy()
    keys.tenantKeys[0] = { ...tenantKey, wraps: tenantKey.wraps.map((wrap) => ({ ...wrap, state: "quarantined" })) }
    const { decrypt } = l1.calls
    const { tenantKeys } = await hierarchy.verifyTenant("acme", hostCall())
    expect(tenantKeys).toMatchObject([{ wraps: [{ state: "quarantined", opens: false, code: "KEY_MISMATCH" }] }])
    expect(l1.calls.decrypt).toBe(decrypt)
    expect(audit.events("tenantKeyUnwrap").at(-1)).toMatchObject({ outcome: "failure", code: "KEY_MISMATCH" })
    await hierarchy.close()
  })

  it("runs once at a time for a tenant, and for every tenant by itself", async () => {
    const { hierarchy, l1, onboard } = await openHierarchy()
    await onboard("globex")
    const release = l1.hold()
    const verify = (tenantId: string) => hierarchy.verifyTenant(tenantId, hostCall(tenantId))
    const running = [verify("acme"), verify("globex")]
    await expect(verify("acme")).rejects.toMatchObject({ code: "VERIFICATION_RUNNING", retryable: true })
    release()
    await Promise.all(running)
    await verify("acme")
    await hierarchy.close()
  })

  it("has few audit entries waiting at a time, however many service keys there are", async () => {
    const { hierarchy, keys, audit } = await openHierarchy()
    await hierarchy.createServiceKey("acme", "billing", hostCall())
    const [billing] = keys.serviceKeys
    if (billing === undefined) throw new Error("no service key")
    for (let version = 2; version <= 350; version += 1) keys.serviceKeys.push({ ...billing, version })
    const { serviceKeys } = await hierarchy.verifyTenant("acme", hostCall())
    expect(serviceKeys.map(({ version }) => version)).toEqual(keys.serviceKeys.map(({ version }) => version))
    expect(audit.events("serviceKeyUnwrap")).toHaveLength(350)
    expect(Math.max(...audit.commits)).toBeLessThanOrEqual(100)
    await hierarchy.close()
  })

  it("reports of each service key whether its tenant key opens it, and records that", async () => {
    const { hierarchy, keys, l1, audit } = await openHierarchy()
    for (const name of ["billing", "payroll", "lost"]) await hierarchy.createServiceKey("acme", name, hostCall())
    const verify = async () => (await hierarchy.verifyTenant("acme", hostCall())).serviceKeys
    const all = ["billing", "payroll", "lost"].map((name) => ({ name, version: 1, state: "Active", opens: true }))
    expect(await verify()).toMatchObject(all)

    // The database thief swaps one key, and puts another under a tenant key that does not exist.
    const [billing, payroll, lost] = keys.serviceKeys
    if (billing === undefined || payroll === undefined || lost === undefined) throw new Error("no service keys")
    keys.serviceKeys.splice(1, 2, { ...payroll, envelope: billing.envelope }, { ...lost, parentKeyVersion: 2 })
    const before = audit.events().length
    const found = await verify()
    const unreadable = { opens: false, code: "SERVICE_KEY_UNREADABLE", nextStep: expect.stringContaining("altered") }
    expect(found).toMatchObject([{ name: "billing", opens: true }, unreadable, unreadable])
    expect(audit.events().slice(before)).toMatchObject([
      { action: "tenantKeyUnwrap", outcome: "success" },
      {
        action: "serviceKeyUnwrap",
        entryId: found[0]?.verificationEntryId,
        actor: { type: "token" },
        resource: { type: "serviceKey", id: billing.serviceKeyId, version: "1" },
        outcome: "success",
        facts: { purpose: "verification", name: "billing" },
      },
      { action: "serviceKeyUnwrap", outcome: "failure", code: "SERVICE_KEY_UNREADABLE", origin: "host" },
      { action: "serviceKeyUnwrap", outcome: "failure", code: "SERVICE_KEY_UNREADABLE", origin: "host" },
    ])

    l1.fail("UNREACHABLE")
    expect((await verify())[0]).toMatchObject({ name: "billing", opens: false, code: "UNREACHABLE" })
    expect(audit.events("serviceKeyUnwrap").at(-3)).toMatchObject({ outcome: "failure", code: "UNREACHABLE" })
    await hierarchy.close()
  })
})
