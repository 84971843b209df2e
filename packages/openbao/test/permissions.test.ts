import { randomBytes } from "node:crypto"
import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { wrapKeyMaterial } from "@apeiro-cmk/plugin-sdk"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { mount, OpenBao } from "./open-bao.ts"

const available = await openBaoAvailable()

type Act = (keystore: KeystoreV1) => Promise<unknown>

const create: Act = (keystore) => keystore.createKey({ ...keystore.defaultKey, origin: "generate" }, testCall())
const awaitImport: Act = (keystore) => keystore.createKey({ ...keystore.defaultKey, origin: "import" }, testCall())
const rotate: Act = (keystore) => keystore.rotateKey(keystore.defaultKey, testCall())
const remove: Act = (keystore) => keystore.deleteKey(keystore.defaultKey, testCall())
const importMaterial: Act = async (keystore) => {
  const key = keystore.defaultKey
  const parameters = await keystore.getImportParameters(key, testCall())
  const encryptedKeyMaterial = wrapKeyMaterial(parameters, randomBytes(32))
  return keystore.importKeyMaterial(
    { key, encryptedKeyMaterial, providerParams: parameters.providerParams },
    testCall(),
  )
}

describe.skipIf(!available)("openbao: the permissions in the README are exactly what a capability needs", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  const policyOf = (key: string, grants: Readonly<Record<string, readonly string[]>>) =>
    // OpenBao refuses an empty policy.
    Object.entries({ ...grants, "encrypt/KEY": ["update"] })
      .map(([path, each]) => `path "${mount}/${path.replace("KEY", key)}" { capabilities = ${JSON.stringify(each)} }`)
      .join("\n")

  it.each([
    ["createKey", create, false, { "keys/KEY": ["read", "update"] }],
    ["createKey for an import", awaitImport, false, { "keys/KEY": ["read"], wrapping_key: ["read"] }],
    ["rotateKey", rotate, true, { "keys/KEY": ["read"], "keys/KEY/rotate": ["update"] }],
    ["deleteKey", remove, true, { "keys/KEY": ["read", "delete"], "keys/KEY/config": ["update"] }],
    [
      "importKey",
      importMaterial,
      false,
      { "keys/KEY": ["read"], "keys/KEY/import": ["update"], wrapping_key: ["read"] },
    ],
  ] as const)("%s works with them, and is DENIED when one is missing", async (_capability, act, exists, grants) => {
    for (const missing of [undefined, ...Object.keys(grants)]) {
      const key = exists ? await bao.createKey() : bao.newName("permitted")
      const granted = Object.fromEntries(Object.entries(grants).filter(([path]) => path !== missing))
      const { keystore } = await bao.open({ key, policy: policyOf(key, granted) })
      if (missing === undefined) await act(keystore)
      else await expect(act(keystore), `without ${missing}`).rejects.toMatchObject({ code: "DENIED" })
    }
  })
})
