import { describe, expect, it } from "vitest"
import { L1Claims } from "../src/index.ts"
import { InMemoryClaims } from "./in-memory-claims.ts"
import { address, otherAddress, setUp, toyDocument } from "./set-up.ts"

const threeDaysMs = 72 * 60 * 60 * 1000
const administrator = { type: "administrator", id: "administrator" } as const

/** acme's server lies: it states the identity of the key that globex owns. */
async function contested() {
  const all = setUp()
  const { audit, clock, manager, repository, server, call } = all
  const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) }
  const claims = new InMemoryClaims(repository, all.entries)
  const released = new L1Claims({
    ...{ repository: claims, keystores: repository, caller: manager.caller, audit, clock, random },
  })
  await manager.add("acme", toyDocument({}, "liar"), call())
  await manager.activate("acme", "liar", call())
  const owner = call({ tenantId: "globex" })
  await manager.add("globex", toyDocument({ address: otherAddress }, "own"), owner)
  await expect(manager.activate("globex", "own", owner)).rejects.toMatchObject({ code: "L1_ALREADY_CLAIMED" })
  const [claim] = await released.list({ limit: 10 })
  const claimId = claim?.claimId ?? ""
  const release = (id = claimId, target = { tenantId: "globex", keystoreId: "own" }) =>
    released.release(id, target, { ...call({ tenantId: "_platform" }), actor: administrator })
  const leaves = () => all.leaves().filter(({ action }) => action === "claimRelease")
  return { ...all, liar: server, owner, claims, released, claimId, release, leaves }
}

describe("the release of a claim", () => {
  it("gives the claim to a claimant whose wraps the holder's keystore does not open", async () => {
    const { manager, owner, release, released, claimId } = await contested()
    const passed = await release()
    expect(passed).toMatchObject({ tenantId: "globex", keystoreId: "own", keyIdentity: "cluster-1/transit/master" })
    expect(await released.list({ limit: 10 })).toEqual([passed])
    await manager.activate("globex", "own", owner)
    expect(await manager.get("globex", "own")).toMatchObject({ state: "active" })
    await expect(release(claimId)).rejects.toMatchObject({ code: "CLAIM_NOT_FOUND" })
  })

  it("is in all three logs, and no tenant's entry names the other tenant or its keystore", async () => {
    const { release, leaves, claimId } = await contested()
    await release()
    const resource = { type: "claim", id: claimId }
    expect(leaves()).toMatchObject([
      {
        ...{ tenantId: "_platform", actor: administrator, outcome: "success", resource },
        facts: { holder: "acme", holder_keystore: "liar", claimant: "globex", claimant_keystore: "own" },
      },
      { tenantId: "globex", outcome: "success", keystoreId: "own", resource, facts: { role: "claimant" } },
      { tenantId: "acme", outcome: "success", keystoreId: "liar", resource, facts: { role: "holder" } },
    ])
    const [, ofClaimant, ofHolder] = leaves().map((leaf) => JSON.stringify(leaf))
    expect(ofClaimant).not.toMatch(/acme|liar/)
    expect(ofHolder).not.toMatch(/globex|own/)
  })

  it("leaves the former holder's keystore active: it opens what it has wrapped, and wraps nothing new", async () => {
    const { manager, repository, release, call } = await contested()
    const before = await manager.get("acme", "liar")
    const [activation] = repository.activations
    const [wrap] = activation?.tenantKey?.wraps ?? []
    if (wrap === undefined) throw new Error("the activation made no wrap")
    await release()
    expect(await manager.get("acme", "liar")).toEqual(before)
    const { tenantId, keyId, keyVersion } = wrap
    const context = { tenantId, keyId, keyVersion }
    expect((await manager.l1.decrypt({ ...wrap, context }, call())).plaintext).toHaveLength(32)
    const encrypting = manager.l1.encrypt({ keystoreId: "liar", plaintext: new Uint8Array(32), context }, call())
    await expect(encrypting).rejects.toMatchObject({ code: "L1_ALREADY_CLAIMED" })
    await expect(manager.activate("acme", "liar", call())).rejects.toMatchObject({ code: "L1_ALREADY_CLAIMED" })
  })

  it("is refused while the holder's keystore opens the claimant's wrap", async () => {
    const { manager, server, repository, release, released, leaves, owner } = await contested()
    // The claimant's second keystore leads to the holder's own server: one key.
    await manager.add("globex", toyDocument({ address }, "same"), owner)
    const refused = release(undefined, { tenantId: "globex", keystoreId: "same" })
    await expect(refused).rejects.toMatchObject({ code: "CLAIM_HELD", origin: "caller", retryable: false })
    expect(await released.list({ limit: 10 })).toMatchObject([{ tenantId: "acme" }])
    expect(repository.claims.get("toy cluster-1/transit/master")).toBe("acme")
    expect(leaves().map(({ tenantId, outcome, code }) => `${tenantId} ${outcome} ${code}`)).toEqual([
      "_platform failure CLAIM_HELD",
      "globex failure CLAIM_HELD",
      "acme failure CLAIM_HELD",
    ])
    expect(server.encryptedUnder.filter((keyId) => keyId.includes("globex"))).toEqual([])
  })

  it.each([
    ["denies everything", "denied"],
    ["returns another plaintext even for its own wraps", "returns another plaintext"],
  ] as const)("waits three days for a holder whose keystore %s, and no longer", async (_what, fault) => {
    const { liar, clock, release, released, leaves, claimId } = await contested()
    liar.fault = fault
    const startMs = clock.nowMs()
    const until = new Date(startMs + threeDaysMs).toISOString()
    const unproven = { code: "CLAIM_UNPROVEN", retryable: true, message: expect.stringContaining(until) }
    await expect(release()).rejects.toMatchObject(unproven)
    expect(await released.list({ limit: 10 })).toMatchObject([{ claimId, tenantId: "acme", contestedAtMs: startMs }])
    expect(leaves().map(({ tenantId, code }) => `${tenantId} ${code}`)).toContain("acme CLAIM_UNPROVEN")
    await clock.advance(threeDaysMs - 1)
    await expect(release()).rejects.toMatchObject(unproven)
    await clock.advance(1)
    expect(await release()).toMatchObject({ tenantId: "globex" })
    expect(leaves().at(-3)).toMatchObject({ facts: { holder_answer: "silent" } })
  })

  it("starts again with its three days when the holder's keystore has proved that it holds the key", async () => {
    const { manager, liar, clock, release, released, owner } = await contested()
    liar.fault = "denied"
    await expect(release()).rejects.toMatchObject({ code: "CLAIM_UNPROVEN" })
    liar.fault = "none"
    await manager.add("globex", toyDocument({ address }, "same"), owner)
    await expect(release(undefined, { tenantId: "globex", keystoreId: "same" })).rejects.toMatchObject({
      code: "CLAIM_HELD",
    })
    const [claim] = await released.list({ limit: 10 })
    expect(claim).not.toHaveProperty("contestedAtMs")
    await clock.advance(threeDaysMs)
    liar.fault = "denied"
    await expect(release()).rejects.toMatchObject({ code: "CLAIM_UNPROVEN" })
  })

  it("cannot be stopped by a holder that answers only its own wraps", async () => {
    const { liar, clock, release } = await contested()
    liar.hangsOnForeign = true
    const waiting = expect(release()).rejects.toMatchObject({ code: "CLAIM_UNPROVEN" })
    for (let second = 0; second < 9; second += 1) await clock.advance(1_000)
    await waiting
    await clock.advance(threeDaysMs)
    const released = release()
    for (let second = 0; second < 9; second += 1) await clock.advance(1_000)
    expect(await released).toMatchObject({ tenantId: "globex" })
  })

  it("needs a claimant whose keystore works, and states the claimed identity", async () => {
    const { manager, other, owner, release, leaves, released } = await contested()
    const refusals: [object, () => Promise<unknown>][] = [
      [{ code: "CLAIM_NOT_FOUND" }, () => release("no-such-claim")],
      [{ code: "KEYSTORE_NOT_FOUND" }, () => release(undefined, { tenantId: "globex", keystoreId: "none" })],
      [{ code: "KEYSTORE_NOT_FOUND" }, () => release(undefined, { tenantId: "globex", keystoreId: "No/Name" })],
      [{ code: "CLAIM_NOT_CONTESTED" }, () => release(undefined, { tenantId: "acme", keystoreId: "liar" })],
      [{ code: "CLAIM_NOT_CONTESTED" }, () => release(undefined, { tenantId: "globex", keystoreId: "elsewhere" })],
    ]
    await manager.add("globex", toyDocument({ address: otherAddress, key_name: "other" }, "elsewhere"), owner)
    for (const [refusal, work] of refusals) await expect(work()).rejects.toMatchObject(refusal)
    other.fault = "denied"
    await expect(release()).rejects.toMatchObject({ code: "DENIED", origin: "backend" })
    other.fault = "returns another plaintext"
    await expect(release()).rejects.toMatchObject({ code: "CLAIM_NOT_CONTESTED" })
    expect(await released.list({ limit: 10 })).toMatchObject([{ tenantId: "acme" }])
    expect(leaves().filter(({ tenantId }) => tenantId === "_platform")).toHaveLength(7)
  })

  it("shows no tenant's name to the other tenant's keystore", async () => {
    const { liar, other, release } = await contested()
    const before = [liar.tenantsInContexts.length, other.tenantsInContexts.length]
    await release()
    const seen = [liar.tenantsInContexts.slice(before[0]), other.tenantsInContexts.slice(before[1])].flat()
    expect(new Set(seen)).toEqual(new Set(["_platform"]))
  })

  it("can be undone: the former holder's keystore may claim in turn", async () => {
    const { manager, owner, release, released } = await contested()
    const passed = await release()
    await manager.activate("globex", "own", owner)
    expect(await release(passed.claimId, { tenantId: "acme", keystoreId: "liar" })).toMatchObject({ tenantId: "acme" })
    expect(await released.list({ limit: 10 })).toMatchObject([{ tenantId: "acme", keystoreId: "liar" }])
    expect(await manager.get("globex", "own")).toMatchObject({ state: "active" })
  })

  it("refuses a claimant whose keystore was changed while it was asked", async () => {
    const { manager, other, repository, release, released } = await contested()
    const record = await manager.get("globex", "own")
    other.afterDescribe = () => repository.records.set("globex/own", { ...record, revision: record.revision + 1 })
    await expect(release()).rejects.toMatchObject({ code: "REVISION_MISMATCH" })
    expect(await released.list({ limit: 10 })).toMatchObject([{ tenantId: "acme" }])
  })
})
