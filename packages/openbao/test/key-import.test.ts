import { createDecipheriv, randomBytes } from "node:crypto"
import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext, wrapKeyMaterial } from "@apeiro-cmk/plugin-sdk"
import { findCanary, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { context, lifeCyclePolicy, mount, OpenBao, plaintext } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: import of key material", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  async function openForImport(given?: string) {
    const key = given ?? bao.newName("byok")
    return bao.open({ key, policy: lifeCyclePolicy(key) })
  }

  async function importInto(keystore: KeystoreV1, material: Uint8Array) {
    const key = keystore.defaultKey
    const parameters = await keystore.getImportParameters(key, testCall())
    const encryptedKeyMaterial = wrapKeyMaterial(parameters, material)
    return keystore.importKeyMaterial(
      { key, encryptedKeyMaterial, providerParams: parameters.providerParams },
      testCall(),
    )
  }

  it("wraps, imports, and encrypts with exactly that key: the imported material decrypts the ciphertext locally", async () => {
    const { keystore, key, services } = await openForImport()
    const material = randomBytes(32)
    await expect(importInto(keystore, material)).resolves.toMatchObject({
      state: "ENABLED",
      algorithm: "aes256-gcm96",
      exportable: false,
      latestVersion: "1",
    })
    const sealed = await keystore.encrypt({ key: { keyId: key }, plaintext, context }, testCall())
    expect(openLocally(sealed.ciphertext, material)).toEqual(Buffer.from(plaintext))
    const opened = await keystore.decrypt({ key: { keyId: key }, ...sealed, context }, testCall())
    expect(opened.plaintext).toEqual(Buffer.from(plaintext))
    expect(findCanary(services.logger.text(), [material])).toBeUndefined()
    const { body } = await bao.admin.send({ method: "GET", path: `${mount}/keys/${key}` })
    expect(body).toMatchObject({
      data: {
        imported_key: true,
        imported_key_allow_rotation: false,
        exportable: false,
        allow_plaintext_backup: false,
      },
    })
  })

  it("returns upstream's parameter names and values, with an RSA-4096 key", async () => {
    const { keystore } = await openForImport()
    const parameters = await keystore.getImportParameters(keystore.defaultKey, testCall())
    expect(parameters).toEqual({
      publicKey: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n[^-]{700,}-----END PUBLIC KEY-----\n$/),
      wrappingAlgorithm: "CKM_RSA_AES_KEY_WRAP",
      hashFunction: "SHA256",
      providerParams: expect.stringMatching(/^[A-Za-z0-9_-]+$/),
    })
  })

  it("reports PENDING_IMPORT for a key that awaits its material, creates nothing, and throws KEY_NOT_FOUND on its use", async () => {
    const { keystore, key } = await openForImport()
    const request = { keyId: key, origin: "import" } as const
    const waiting = await keystore.createKey(request, testCall())
    expect(waiting).toMatchObject({ state: "PENDING_IMPORT", latestVersion: "unknown" })
    expect(await bao.keyExists(key)).toBe(false)
    await expect(keystore.describeKey({ keyId: key }, testCall())).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
    const imported = await importInto(keystore, randomBytes(32))
    expect(imported.identity).toBe(waiting.identity)
    await expect(keystore.createKey(request, testCall())).resolves.toEqual(imported)
  })

  it("imports the next version, which then encrypts, while the first still decrypts", async () => {
    const { keystore, key } = await openForImport()
    const [first, second] = [randomBytes(32), randomBytes(32)]
    await importInto(keystore, first)
    const old = await keystore.encrypt({ key: { keyId: key }, plaintext, context }, testCall())
    await expect(importInto(keystore, second)).resolves.toMatchObject({ latestVersion: "2" })
    const fresh = await keystore.encrypt({ key: { keyId: key }, plaintext, context }, testCall())
    expect(openLocally(fresh.ciphertext, second)).toEqual(Buffer.from(plaintext))
    const opened = await keystore.decrypt({ key: { keyId: key }, ...old, context }, testCall())
    expect(opened.plaintext).toEqual(Buffer.from(plaintext))
  })

  it("imports once for each set of parameters, also for a later version", async () => {
    const { keystore, key } = await openForImport()
    for (const version of ["1", "2"]) {
      const parameters = await keystore.getImportParameters({ keyId: key }, testCall())
      const { providerParams } = parameters
      const encryptedKeyMaterial = wrapKeyMaterial(parameters, randomBytes(32))
      const request = { key: { keyId: key }, encryptedKeyMaterial, providerParams }
      await expect(keystore.importKeyMaterial(request, testCall())).resolves.toMatchObject({ latestVersion: version })
      await expect(keystore.importKeyMaterial(request, testCall())).rejects.toMatchObject({ code: "INVALID_REQUEST" })
      await expect(keystore.describeKey({ keyId: key }, testCall())).resolves.toMatchObject({ latestVersion: version })
    }
  })

  it.each([
    ["parameters of another key", (params: string) => params, "another"],
    ["altered parameters", (params: string) => `${params}AAAA`, undefined],
    ["no parameters", () => "", undefined],
  ])("refuses %s, and creates no key", async (_what, alter, parametersOf) => {
    const { keystore, key } = await openForImport()
    const other = parametersOf === undefined ? { keystore, key } : await openForImport()
    const parameters = await other.keystore.getImportParameters({ keyId: other.key }, testCall())
    const request = {
      key: { keyId: key },
      encryptedKeyMaterial: wrapKeyMaterial(parameters, randomBytes(32)),
      providerParams: alter(parameters.providerParams),
    }
    await expect(keystore.importKeyMaterial(request, testCall())).rejects.toMatchObject({ code: "INVALID_REQUEST" })
    expect(await bao.keyExists(key)).toBe(false)
  })

  it("refuses to import into a key that OpenBao generated, and into one that cannot be an L1 key", async () => {
    const generated = await openForImport(await bao.createKey())
    const { keystore } = generated
    const asked = keystore.getImportParameters({ keyId: generated.key }, testCall())
    await expect(asked).rejects.toMatchObject({ code: "INVALID_REQUEST" })
    const created = keystore.createKey({ keyId: generated.key, origin: "import" }, testCall())
    await expect(created).rejects.toMatchObject({ code: "INVALID_REQUEST" })
    const exportable = await openForImport(await bao.createKey("aes256-gcm96", { exportable: true }))
    const refused = exportable.keystore.getImportParameters({ keyId: exportable.key }, testCall())
    await expect(refused).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
  })
})

/** Decrypts `vault:v1:base64(nonce || ciphertext || tag)` with the key alone, without OpenBao. */
function openLocally(ciphertext: Uint8Array, material: Uint8Array): Buffer {
  const base64 = Buffer.from(ciphertext).toString("latin1").split(":")[2] ?? ""
  const bytes = Buffer.from(base64, "base64")
  const decipher = createDecipheriv("aes-256-gcm", material, bytes.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(encodeEncryptionContext(context))
  decipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
}
