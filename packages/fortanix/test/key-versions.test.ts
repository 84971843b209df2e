import { fakeClock, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { Dsm, type Place } from "./dsm.ts"

let dsm: Dsm
beforeAll(async () => {
  dsm = await Dsm.start()
})
afterAll(() => dsm.stop())

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }
const plaintext = new Uint8Array(32).fill(7)

async function open(place: Place = dsm.place(), more: object = {}, services = testServices()) {
  const plugin = await dsm.plugin(services)
  onTestFinished(() => plugin.stop())
  const keystore = await plugin.openKeystore({ ...place.configuration, ...more }, testCall())
  const key = keystore.defaultKey
  const encrypt = () => keystore.encrypt({ key, plaintext, context }, testCall())
  const decrypt = (sealed: Awaited<ReturnType<typeof encrypt>>) =>
    keystore.decrypt({ key, ...sealed, context }, testCall())
  return { place, keystore, key, encrypt, decrypt }
}

describe("versions of a key in DSM", () => {
  it("are the chain of its rotations, with one identity under every name", async () => {
    const { place, keystore, key, encrypt } = await open()
    const { identity } = await keystore.describeKey(key, testCall())
    expect(identity).toBe(`${dsm.emulator.account.id}/${place.key.kid}`)
    await keystore.rotateKey(key, testCall())
    await keystore.rotateKey(key, testCall())
    const versions = await keystore.listKeyVersions(key, testCall())
    expect(versions.map(({ status }) => status)).toEqual(["DECRYPT_ONLY", "DECRYPT_ONLY", "ENABLED"])
    expect(versions[0]?.versionId).toBe(place.key.kid)
    expect(await encrypt()).toMatchObject({ keyVersion: versions[2]?.versionId })
    for (const keyId of [place.key.kid, place.key.name ?? "", versions[1]?.versionId ?? ""]) {
      expect(await keystore.describeKey({ keyId }, testCall())).toMatchObject({
        ...{ identity, latestVersion: versions[2]?.versionId },
      })
    }
  })

  it("that were deactivated on rotation still decrypt, and the new one encrypts at once", async () => {
    const { place, keystore, key, encrypt, decrypt } = await open()
    const old = await encrypt()
    await keystore.rotateKey(key, testCall())
    place.key.state = "Deactivated"
    expect((await encrypt()).keyVersion).not.toBe(old.keyVersion)
    expect(Buffer.from((await decrypt(old)).plaintext)).toEqual(Buffer.from(plaintext))
    expect(await keystore.listKeyVersions(key, testCall())).toMatchObject([
      { status: "DECRYPT_ONLY" },
      { status: "ENABLED" },
    ])
  })

  it("that were rotated in DSM itself and deactivated there do not stop encryption", async () => {
    const { place, keystore, encrypt } = await open()
    const old = await encrypt()
    const other = await open(place)
    await other.keystore.rotateKey(other.key, testCall())
    place.key.state = "Deactivated"
    // This handle still knows the previous version.
    expect((await encrypt()).keyVersion).not.toBe(old.keyVersion)
    await keystore.probe(testCall())
  })

  it("that were made in DSM itself are used within 30 s, even where the previous one stays active", async () => {
    const place = dsm.place()
    const clock = fakeClock()
    const { encrypt } = await open(place, {}, testServices({ clock }))
    const old = await encrypt()
    const other = await open(place)
    const { latestVersion } = await other.keystore.rotateKey(other.key, testCall())
    expect(await encrypt()).toMatchObject({ keyVersion: old.keyVersion })
    await clock.advance(30_000)
    expect(await encrypt()).toMatchObject({ keyVersion: latestVersion })
  })

  it("wrap by AES key wrap where the configuration says so, still bound to the context", async () => {
    const place = dsm.place()
    place.group.aesModes = ["KWP"]
    const { keystore, key, encrypt, decrypt } = await open(place, { wrap_mode: "KWP" })
    const sealed = await encrypt()
    expect(Buffer.from((await decrypt(sealed)).plaintext)).toEqual(Buffer.from(plaintext))
    const other = keystore.decrypt({ key, ...sealed, context: { ...context, tenantId: "other" } }, testCall())
    await expect(other).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
    const altered = Uint8Array.from(sealed.ciphertext, (byte, at) => (at === 20 ? byte ^ 1 : byte))
    await expect(decrypt({ ...sealed, ciphertext: altered })).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
  })

  it("unwrap what was wrapped in the other mode before", async () => {
    const place = dsm.place()
    const sealed = await (await open(place, { wrap_mode: "KWP" })).encrypt()
    const { decrypt } = await open(place)
    expect(Buffer.from((await decrypt(sealed)).plaintext)).toEqual(Buffer.from(plaintext))
  })

  it("of a deleted key are all destroyed", async () => {
    const { place, keystore, key, encrypt, decrypt } = await open()
    const sealed = await encrypt()
    await keystore.rotateKey(key, testCall())
    await keystore.deleteKey(key, testCall())
    await keystore.deleteKey(key, testCall())
    const states = [...dsm.emulator.account.keys.values()].filter(({ groupId }) => groupId === place.group.id)
    expect(states.map(({ state }) => state)).toEqual(["Destroyed", "Destroyed"])
    await expect(decrypt(sealed)).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
  })
})

describe("a change that a quorum has to approve", () => {
  const pending = () => [...dsm.emulator.account.approvals.values()].filter(({ status }) => status === "PENDING")

  it("is reported with its request's id, requested once, and made by the same call after the approval", async () => {
    const { keystore, key, encrypt } = await open(dsm.place(undefined, "for changes"))
    const old = await encrypt()
    const rotate = () => keystore.rotateKey(key, testCall())
    await expect(rotate()).rejects.toMatchObject({ code: "APPROVAL_PENDING", retryable: false, origin: "backend" })
    const [request] = pending()
    await expect(rotate()).rejects.toThrow(request?.id)
    expect(pending()).toHaveLength(1)
    dsm.emulator.approve(request?.id ?? "")
    const { latestVersion } = await rotate()
    expect(latestVersion).not.toBe(old.keyVersion)
    expect(await encrypt()).toMatchObject({ keyVersion: latestVersion })
    // The next rotation is a new change.
    await expect(rotate()).rejects.toMatchObject({ code: "APPROVAL_PENDING" })
  })

  it("creates a key once it is approved", async () => {
    const { keystore } = await open(dsm.place(undefined, "for changes"))
    const create = () => keystore.createKey({ keyId: "wanted-key", origin: "generate" }, testCall())
    await expect(create()).rejects.toMatchObject({ code: "APPROVAL_PENDING" })
    dsm.emulator.approve(pending().find(({ operation }) => operation === "/crypto/v1/keys")?.id ?? "")
    expect(await create()).toMatchObject({ key: { keyId: "wanted-key" }, state: "ENABLED", exportable: false })
  })
})

it("refuses to import, and says what to do instead", async () => {
  const { keystore } = await open()
  const imported = keystore.createKey({ keyId: "mine", origin: "import" }, testCall())
  await expect(imported).rejects.toMatchObject({
    code: "UNSUPPORTED",
    nextStep: expect.stringContaining("DSM's own tools"),
  })
})
