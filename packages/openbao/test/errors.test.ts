import type { KeystoreV1, PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { careless, context, mount, OpenBao, plaintext, roundTrip, storyPolicy } from "./open-bao.ts"

const available = await openBaoAvailable()

// One test for each row of src/errors.ts, on a real server in the situation that causes the answer.
describe.skipIf(!available)("openbao: answers of the transit engine", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  const encrypt = (keystore: KeystoreV1, keyId = keystore.defaultKey.keyId) =>
    keystore.encrypt({ key: { keyId }, plaintext, context }, testCall())
  const decrypt = (keystore: KeystoreV1, ciphertext: Uint8Array, keyId = keystore.defaultKey.keyId) =>
    keystore.decrypt({ key: { keyId }, ciphertext, keyVersion: "1", context }, testCall())
  const rejects = (work: Promise<unknown>, code: PluginErrorCode, origin = "backend") =>
    expect(work).rejects.toMatchObject({ code, origin, retryable: false })

  it("keyMissing: a decrypt with a key that OpenBao does not have is KEY_NOT_FOUND", async () => {
    const { keystore } = await bao.open({ policy: careless(mount) })
    const { ciphertext } = await encrypt(keystore)
    await rejects(decrypt(keystore, ciphertext, "no-such-key"), "KEY_NOT_FOUND")
  })

  it("keyWouldBeMade: a key that is deleted between two encrypts is KEY_NOT_FOUND and is not created again", async () => {
    const { keystore, key } = await bao.open({ policy: careless(mount) })
    await encrypt(keystore)
    await bao.admin.deleteTransitKey(mount, key)
    await rejects(encrypt(keystore), "KEY_NOT_FOUND")
    await rejects(encrypt(keystore), "KEY_NOT_FOUND")
    expect(await bao.keyExists(key)).toBe(false)
  })

  it("keySoftDeleted: a soft-deleted key is KEY_DISABLED until it is restored", async () => {
    const { keystore, key } = await bao.open()
    const { ciphertext } = await encrypt(keystore)
    await bao.admin.send({ method: "DELETE", path: `${mount}/keys/${key}/soft-delete` })
    await rejects(decrypt(keystore, ciphertext), "KEY_DISABLED")
    await expect(encrypt(keystore)).rejects.toMatchObject({
      code: "KEY_DISABLED",
      nextStep: expect.stringContaining(`bao write -f ${mount}/keys/${key}/soft-delete-restore`),
    })
    await expect(keystore.describeKey({ keyId: key }, testCall())).resolves.toMatchObject({ state: "DISABLED" })
    await bao.admin.send({ method: "POST", path: `${mount}/keys/${key}/soft-delete-restore`, body: {} })
    await expect(decrypt(keystore, ciphertext)).resolves.toMatchObject({ plaintext: Buffer.from(plaintext) })
  })

  it("versionDisabled: a version below min_decryption_version is KEY_DISABLED, while newer ones work", async () => {
    const { keystore, key } = await bao.open({ policy: storyPolicy("key-*") })
    const { ciphertext } = await encrypt(keystore)
    await bao.admin.rotateTransitKey(mount, key)
    await bao.admin.configureTransitKey(mount, key, { min_decryption_version: 2 })
    await rejects(decrypt(keystore, ciphertext), "KEY_DISABLED")
    expect(Buffer.from(await roundTrip(keystore))).toEqual(Buffer.from(plaintext))
  })

  it.each(["rsa-2048", "ed25519"])("typeWithoutContext: a key of type %s is KEY_UNSUITABLE", async (type) => {
    const key = await bao.createKey(type)
    const readable = await bao.open({ key })
    await rejects(encrypt(readable.keystore), "KEY_UNSUITABLE")
    const unreadable = await bao.open({ key, policy: storyPolicy(key) })
    await rejects(encrypt(unreadable.keystore), "KEY_UNSUITABLE")
  })

  it("derivedKey: a derived key is KEY_UNSUITABLE", async () => {
    const key = await bao.createKey("aes256-gcm96", { derived: true })
    await rejects(encrypt((await bao.open({ key })).keystore), "KEY_UNSUITABLE")
    await rejects(encrypt((await bao.open({ key, policy: storyPolicy(key) })).keystore), "KEY_UNSUITABLE")
  })

  it("refuses to wrap with an exportable key (REQ-009)", async () => {
    const key = await bao.createKey("aes256-gcm96", { exportable: true })
    await rejects(encrypt((await bao.open({ key })).keystore), "KEY_UNSUITABLE")
  })

  it("ciphertextRefused: another context is CIPHERTEXT_REJECTED, with the caller as its origin", async () => {
    const { keystore } = await bao.open()
    const { ciphertext } = await encrypt(keystore)
    const request = {
      key: keystore.defaultKey,
      ciphertext,
      keyVersion: "1",
      context: { ...context, tenantId: "other" },
    }
    await rejects(keystore.decrypt(request, testCall()), "CIPHERTEXT_REJECTED", "caller")
  })

  it("ciphertextRefused: a version that the key does not have is CIPHERTEXT_REJECTED", async () => {
    const { keystore } = await bao.open()
    const { ciphertext } = await encrypt(keystore)
    const newer = Buffer.from(Buffer.from(ciphertext).toString("latin1").replace("vault:v1:", "vault:v9:"))
    const request = { key: keystore.defaultKey, ciphertext: newer, keyVersion: "9", context }
    await rejects(keystore.decrypt(request, testCall()), "CIPHERTEXT_REJECTED", "caller")
  })

  it("denied: DENIED when the policy lacks update on decrypt", async () => {
    const key = await bao.createKey()
    const policy = `path "${mount}/encrypt/${key}" { capabilities = ["update"] }
      path "${mount}/keys/${key}" { capabilities = ["read"] }`
    const { keystore } = await bao.open({ key, policy })
    const { ciphertext } = await encrypt(keystore)
    await rejects(decrypt(keystore, ciphertext), "DENIED")
  })

  it("mountMissing: nothing mounted at mount_path is KEY_NOT_FOUND", async () => {
    const { keystore } = await bao.open({ policy: careless("nowhere"), configuration: { mount_path: "nowhere" } })
    await rejects(encrypt(keystore), "KEY_NOT_FOUND")
  })

  it("namespaceMissing: an open keystore throws KEY_NOT_FOUND after its namespace is removed", async () => {
    const admin = await bao.admin.inNamespace("gone")
    await admin.enableTransit(mount)
    await admin.createTransitKey({ mount, name: "k" })
    const { keystore } = await bao.openWithToken(bao.server.rootToken, {
      key: "k",
      configuration: { namespace: "gone" },
    })
    await encrypt(keystore)
    await bao.admin.send({ method: "DELETE", path: "sys/namespaces/gone" })
    await expect
      .poll(async () => (await bao.admin.send({ method: "GET", path: "sys/namespaces/gone" })).status, {
        timeout: 10_000,
      })
      .toBe(404)
    await rejects(encrypt(keystore), "KEY_NOT_FOUND")
  })

  it.each([
    ["otherEngine", "pki", {}],
    ["versionedKeyValueEngine", "kv", { options: { version: "2" } }],
    ["keyValueEngine", "kv", { options: { version: "1" } }],
  ])("%s: refuses another kind of engine at mount_path, and sends it no plaintext", async (_row, type, settings) => {
    const mountPath = bao.newName("other-engine")
    await bao.admin.send({ method: "POST", path: `sys/mounts/${mountPath}`, body: { type, ...settings } })
    // Without permission to read, a decrypt proves the key: a key-value engine would accept it as a write.
    const policy = careless(mountPath).replace(/path "[^"]*keys\/\*" .*/, "")
    const { keystore } = await bao.open({ key: "k", policy, configuration: { mount_path: mountPath } })
    await rejects(encrypt(keystore), "KEY_UNSUITABLE")
    const written = await bao.admin.send({ method: "GET", path: `${mountPath}/encrypt/k` })
    expect(written.status).toBe(404)
  })

  it("keyUnreadable: reading a missing key is KEY_NOT_FOUND", async () => {
    const { keystore } = await bao.open({ key: "not-there" })
    await rejects(keystore.describeKey(keystore.defaultKey, testCall()), "KEY_NOT_FOUND")
  })
})
