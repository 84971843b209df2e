import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { context, lifeCyclePolicy, mount, narrowPolicy, OpenBao, plaintext, roundTrip } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: key management", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  async function openForLife(given?: string) {
    const key = given ?? bao.newName("life")
    return bao.open({ key, policy: lifeCyclePolicy(key) })
  }

  async function settingsOf(key: string) {
    const { body } = await bao.admin.send({ method: "GET", path: `${mount}/keys/${key}` })
    return body
  }

  it("creates a key that cannot leave OpenBao, once for each name", async () => {
    const { keystore, key } = await openForLife()
    const created = await keystore.createKey({ keyId: key, origin: "generate" }, testCall())
    expect(created).toMatchObject({
      state: "ENABLED",
      algorithm: "aes256-gcm96",
      exportable: false,
      latestVersion: "1",
    })
    await expect(keystore.createKey({ keyId: key, origin: "generate" }, testCall())).resolves.toEqual(created)
    expect(await settingsOf(key)).toMatchObject({
      data: { exportable: false, allow_plaintext_backup: false, derived: false, deletion_allowed: false },
    })
    expect(await roundTrip(keystore)).toEqual(Buffer.from(plaintext))
  })

  it("refuses an existing key of that name that cannot be an L1 key, and leaves it unchanged", async () => {
    const { keystore, key } = await openForLife(await bao.createKey("aes256-gcm96", { exportable: true }))
    const before = await settingsOf(key)
    const creating = keystore.createKey({ keyId: key, origin: "generate" }, testCall())
    await expect(creating).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
    expect(await settingsOf(key)).toMatchObject({ data: { ...(before as { data: object }).data } })
  })

  it("rotates: the new version encrypts, older ones still decrypt, and the list has both, oldest first", async () => {
    const { keystore, key } = await openForLife(await bao.createKey())
    const old = await keystore.encrypt({ key: { keyId: key }, plaintext, context }, testCall())
    await expect(keystore.rotateKey({ keyId: key }, testCall())).resolves.toMatchObject({ latestVersion: "2" })
    const fresh = await keystore.encrypt({ key: { keyId: key }, plaintext, context }, testCall())
    expect([old.keyVersion, fresh.keyVersion]).toEqual(["1", "2"])
    const opened = await keystore.decrypt({ key: { keyId: key }, ...old, context }, testCall())
    expect(opened.plaintext).toEqual(Buffer.from(plaintext))
    const versions = await keystore.listKeyVersions({ keyId: key }, testCall())
    expect(versions.map(({ versionId, status }) => [versionId, status])).toEqual([
      ["1", "ENABLED"],
      ["2", "ENABLED"],
    ])
    expect(versions[0]?.createdAtMs).toBeGreaterThan(Date.UTC(2024, 0))
  })

  it("shows which versions only decrypt, and which are closed, by the minimum versions", async () => {
    const { keystore, key } = await openForLife(await bao.createKey())
    const first = await keystore.encrypt({ key: { keyId: key }, plaintext, context }, testCall())
    await keystore.rotateKey({ keyId: key }, testCall())
    await keystore.rotateKey({ keyId: key }, testCall())
    const bounds = { min_decryption_version: 2, min_encryption_version: 3 }
    await bao.admin.configureTransitKey(mount, key, bounds)

    const versions = await keystore.listKeyVersions({ keyId: key }, testCall())
    expect(versions.map(({ versionId, status }) => [versionId, status])).toEqual([
      ["2", "DECRYPT_ONLY"],
      ["3", "ENABLED"],
    ])
    const { warnings } = await keystore.describeKey({ keyId: key }, testCall())
    expect(warnings.join(" ")).toMatch(/below 2 no longer decrypt.* below 3 no longer encrypt/)
    const opening = keystore.decrypt({ key: { keyId: key }, ...first, context }, testCall())
    await expect(opening).rejects.toMatchObject({ code: "KEY_DISABLED" })
    await expect(keystore.encrypt({ key: { keyId: key }, plaintext, context }, testCall())).resolves.toMatchObject({
      keyVersion: "3",
    })
  })

  it("deletes a key, and accepts a key that is already deleted", async () => {
    const { keystore, key } = await openForLife(await bao.createKey())
    await roundTrip(keystore)
    await keystore.deleteKey({ keyId: key }, testCall())
    expect(await bao.keyExists(key)).toBe(false)
    await keystore.deleteKey({ keyId: key }, testCall())
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
  })

  it("leaves a key that it may not delete as undeletable as before", async () => {
    const key = await bao.createKey()
    const policy = lifeCyclePolicy(key).replace(', "delete"', "")
    const { keystore } = await bao.open({ key, policy })
    await expect(keystore.deleteKey({ keyId: key }, testCall())).rejects.toMatchObject({ code: "DENIED" })
    expect(await settingsOf(key)).toMatchObject({ data: { deletion_allowed: false } })
    expect(await roundTrip(keystore)).toEqual(Buffer.from(plaintext))
  })

  it("throws UNSUPPORTED for enable and disable, which OpenBao does not have", async () => {
    const { keystore, key } = await bao.open()
    await expect(keystore.enableKey({ keyId: key }, testCall())).rejects.toMatchObject({ code: "UNSUPPORTED" })
    await expect(keystore.disableKey({ keyId: key }, testCall())).rejects.toMatchObject({ code: "UNSUPPORTED" })
  })

  it("denies all of these under the policy that only wraps", async () => {
    const { keystore, key } = await bao.open({ policy: narrowPolicy("key-*") })
    const denied = { code: "DENIED", origin: "backend", retryable: false }
    const call = testCall()
    await expect(keystore.createKey({ keyId: "key-new", origin: "generate" }, call)).rejects.toMatchObject(denied)
    await expect(keystore.createKey({ keyId: "key-new", origin: "import" }, call)).rejects.toMatchObject(denied)
    await expect(keystore.rotateKey({ keyId: key }, call)).rejects.toMatchObject(denied)
    await expect(keystore.deleteKey({ keyId: key }, call)).rejects.toMatchObject(denied)
    expect(await settingsOf(key)).toMatchObject({ data: { latest_version: 1, deletion_allowed: false } })
    expect(await bao.keyExists("key-new")).toBe(false)
  })
})
