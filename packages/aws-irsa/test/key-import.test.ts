import { randomBytes, randomUUID } from "node:crypto"
import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { wrapKeyMaterial } from "@apeiro-cmk/plugin-sdk"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"
import { Aws, region } from "./aws.ts"

let aws: Aws
beforeAll(async () => {
  aws = await Aws.start()
  await aws.emulator.prepareImports()
})
afterAll(() => aws.stop())

async function open(settings: object, more: object = {}) {
  const pluginConfiguration = { ...aws.pluginConfiguration(), ...settings }
  const started = await openInProcess(plugin, { pluginConfiguration, services: testServices() })
  onTestFinished(() => started.stop())
  const role_arn = aws.createRole("external-id")
  const kms_key_id = aws.emulator.createKey(region).arn
  return started.openKeystore({ kms_key_id, role_arn, external_id: "external-id", ...more }, testCall())
}

async function imported(keystore: KeystoreV1) {
  const { key } = await keystore.createKey({ keyId: randomUUID(), origin: "import" }, testCall())
  const parameters = await keystore.getImportParameters(key, testCall())
  const encryptedKeyMaterial = wrapKeyMaterial(parameters, randomBytes(32))
  const { providerParams } = parameters
  const description = await keystore.importKeyMaterial({ key, encryptedKeyMaterial, providerParams }, testCall())
  return { key, parameters, description }
}

describe("an import", () => {
  it.each([
    ["RSAES_OAEP_SHA_256", "CKM_RSA_PKCS_OAEP"],
    ["RSA_AES_KEY_WRAP_SHA_256", "CKM_RSA_AES_KEY_WRAP"],
  ])("wraps with %s when the operator configures it", async (importWrapping, wrappingAlgorithm) => {
    const { parameters, description } = await imported(await open({ importWrapping }))
    expect(parameters).toMatchObject({ wrappingAlgorithm, hashFunction: "SHA256" })
    expect(description).toMatchObject({ state: "ENABLED", exportable: false })
    expect(description.warnings.join(" ")).toContain("imported")
  })

  it("of material that expires states the expiry, and leaves the key without material afterwards", async () => {
    const keystore = await open({}, { imported_material_valid_days: 2 })
    const { key, description } = await imported(keystore)
    expect(description.warnings.join(" ")).toContain("expires on")
    onTestFinished(() => {
      aws.emulator.clockOffsetMs = 0
    })
    const state = aws.emulator.kms.key(key.keyId)
    if (state !== undefined) state.materialExpiresAtMs = Date.now() - 1
    expect(await keystore.describeKey(key, testCall())).toMatchObject({ state: "PENDING_IMPORT" })
  })
})
