import { randomBytes } from "node:crypto"
import type { KeystoreV1, PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { wrapKeyMaterial } from "@apeiro-cmk/plugin-sdk"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { lifeCyclePolicy, mount, narrowPolicy, OpenBao } from "./open-bao.ts"

const available = await openBaoAvailable()

// One test for each row of src/keys/administration-errors.ts, on a real server in the situation that causes the answer.
describe.skipIf(!available)("openbao: answers of the transit engine to key management", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  const open = (key: string) => bao.open({ key, policy: lifeCyclePolicy(key) })
  const rejects = (work: Promise<unknown>, code: PluginErrorCode, origin: string) =>
    expect(work).rejects.toMatchObject({ code, origin, retryable: false })

  async function prepare(keystore: KeystoreV1, bytes: Uint8Array, alter = (wrapped: Uint8Array) => wrapped) {
    const key = keystore.defaultKey
    const parameters = await keystore.getImportParameters(key, testCall())
    const { providerParams } = parameters
    return { key, encryptedKeyMaterial: alter(wrapKeyMaterial(parameters, bytes)), providerParams }
  }

  it("rotateMissing: a rotation of a key that OpenBao does not have is KEY_NOT_FOUND", async () => {
    const { keystore } = await open("not-there")
    await rejects(keystore.rotateKey(keystore.defaultKey, testCall()), "KEY_NOT_FOUND", "backend")
  })

  it("configureMissing, deleteMissing: every one of many parallel deletions succeeds", async () => {
    const { keystore, key } = await open(await bao.createKey())
    const deletions = Array.from({ length: 20 }, () => keystore.deleteKey({ keyId: key }, testCall()))
    await expect(Promise.all(deletions)).resolves.toHaveLength(20)
    expect(await bao.keyExists(key)).toBe(false)
  })

  it("softDeleted: rotating a soft-deleted key is KEY_DISABLED", async () => {
    const { keystore, key } = await open(await bao.createKey())
    await bao.admin.send({ method: "DELETE", path: `${mount}/keys/${key}/soft-delete` })
    await rejects(keystore.rotateKey(keystore.defaultKey, testCall()), "KEY_DISABLED", "backend")
  })

  it("importedNotRotated: rotating an imported key is UNSUPPORTED", async () => {
    const { keystore } = await open(bao.newName("byok"))
    await keystore.importKeyMaterial(await prepare(keystore, randomBytes(32)), testCall())
    await rejects(keystore.rotateKey(keystore.defaultKey, testCall()), "UNSUPPORTED", "plugin")
    const versions = await keystore.listKeyVersions(keystore.defaultKey, testCall())
    expect(versions).toHaveLength(1)
  })

  it.each([
    ["in the wrapped ephemeral key", 100],
    ["in the wrapped material", 530],
  ])("materialAltered: one bit %s is CIPHERTEXT_REJECTED, the caller's, and creates no key", async (_where, at) => {
    const { keystore, key } = await open(bao.newName("byok"))
    const flip = (wrapped: Uint8Array) => wrapped.map((byte, index) => (index === at ? byte ^ 1 : byte))
    const request = await prepare(keystore, randomBytes(32), flip)
    await rejects(keystore.importKeyMaterial(request, testCall()), "CIPHERTEXT_REJECTED", "caller")
    expect(await bao.keyExists(key)).toBe(false)
  })

  // 25 to 32 bytes have the same length when they are wrapped: only OpenBao can tell them apart.
  it.each([0, 16, 24, 30, 33, 64])(
    "materialOfWrongSize: %i bytes are INVALID_REQUEST, and create no key",
    async (length) => {
      const { keystore, key } = await open(bao.newName("byok"))
      const request = await prepare(keystore, randomBytes(length))
      await rejects(keystore.importKeyMaterial(request, testCall()), "INVALID_REQUEST", "caller")
      expect(await bao.keyExists(key)).toBe(false)
    },
  )

  it("importedAlready: a key that was created after the parameters were issued stays unchanged", async () => {
    const { keystore, key } = await open(bao.newName("byok"))
    const request = await prepare(keystore, randomBytes(32))
    await bao.admin.createTransitKey({ mount, name: key })
    await rejects(keystore.importKeyMaterial(request, testCall()), "INVALID_REQUEST", "caller")
    await expect(keystore.describeKey({ keyId: key }, testCall())).resolves.toMatchObject({ latestVersion: "1" })
  })

  it("administrationDenied: DENIED names the permissions for key management", async () => {
    const { keystore } = await bao.open()
    const denied = { code: "DENIED", nextStep: expect.stringContaining("README") }
    await expect(keystore.rotateKey(keystore.defaultKey, testCall())).rejects.toMatchObject(denied)
  })

  it.each(["pki", "kv"])(
    "returns no import parameters where a %s engine is mounted, and writes nothing there",
    async (type) => {
      const mountPath = bao.newName("other-engine")
      await bao.admin.send({ method: "POST", path: `sys/mounts/${mountPath}`, body: { type } })
      const policy = `path "${mountPath}/*" { capabilities = ["create", "read", "update", "delete"] }`
      const { keystore } = await bao.open({ key: "k", policy, configuration: { mount_path: mountPath } })
      const { defaultKey } = keystore
      await rejects(keystore.getImportParameters(defaultKey, testCall()), "KEY_UNSUITABLE", "backend")
      await rejects(keystore.createKey({ ...defaultKey, origin: "import" }, testCall()), "KEY_UNSUITABLE", "backend")
      expect((await bao.admin.send({ method: "GET", path: `${mountPath}/keys/k` })).status).toBe(404)
    },
  )

  it("uses the other table for answers without their own row: nothing is mounted there", async () => {
    const policy = narrowPolicy("k")
      .replaceAll(`${mount}/`, "nowhere/")
      .concat(`
      path "nowhere/*" { capabilities = ["read", "update"] }`)
    const { keystore } = await bao.open({ key: "k", policy, configuration: { mount_path: "nowhere" } })
    await rejects(keystore.rotateKey(keystore.defaultKey, testCall()), "KEY_NOT_FOUND", "backend")
    await rejects(keystore.getImportParameters(keystore.defaultKey, testCall()), "KEY_NOT_FOUND", "backend")
  })
})
