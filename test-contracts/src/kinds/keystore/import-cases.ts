import assert from "node:assert/strict"
import { createPublicKey, generateKeyPair, randomBytes } from "node:crypto"
import { promisify } from "node:util"
import type { ImportParameters, KeyRef, PluginErrorCode } from "@apeiro-cmk/plugin-interface"
import { expectRejectionOf } from "../../cases/expectations.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"
import { wrapKeyMaterial } from "./key-wrapping.ts"

/** Codes for a key without material; which of them depends on whether the keystore already lists such a key. */
const withoutMaterial: readonly PluginErrorCode[] = ["KEY_NOT_FOUND", "KEY_DISABLED", "KEY_UNSUITABLE"]
const refusals: readonly PluginErrorCode[] = ["CIPHERTEXT_REJECTED", "INVALID_REQUEST"]

/** Promises of the capability `importKey`. */
export const importCases: readonly KeystoreCase[] = [
  {
    name: "lets a key that waits for its material encrypt nothing",
    async run(opened) {
      const key = await keyWithoutMaterial(opened)
      await expectWithoutMaterial(opened, key)
    },
  },
  {
    name: "gives import parameters with an RSA key of 2048 bits or more that have not expired",
    async run(opened) {
      const parameters = await parametersFor(opened, await keyWithoutMaterial(opened))
      const publicKey = createPublicKey(parameters.publicKey)
      assert.equal(publicKey.asymmetricKeyType, "rsa")
      assert.ok((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048, "the wrapping key is too short")
      const { validToMs = Number.POSITIVE_INFINITY } = parameters
      assert.ok(validToMs > Date.now(), "the parameters have expired already")
    },
  },
  {
    name: "imports key material that was wrapped as its parameters say, and encrypts with exactly that material",
    async run(opened) {
      const { instance, backend, call } = opened
      const key = await keyWithoutMaterial(opened)
      const parameters = await parametersFor(opened, key)
      const material = randomBytes(32)
      const request = {
        key,
        encryptedKeyMaterial: wrapKeyMaterial(parameters, material),
        providerParams: parameters.providerParams,
      }
      const imported = await instance.importKeyMaterial(request, call())
      assert.equal(imported.state, "ENABLED")
      assert.equal(await backend.keyExists(key.keyId), true)
      const sealed = await instance.encrypt({ key, plaintext, context }, call())
      const reopened = await instance.decrypt({ key, ...sealed, context }, call())
      assert.deepEqual(Buffer.from(reopened.plaintext), Buffer.from(plaintext))
      if (backend.decryptWithMaterial === undefined) return opened.notProven("backend.decryptWithMaterial")
      const byMaterial = await backend.decryptWithMaterial(material, sealed.ciphertext, context)
      assert.deepEqual(Buffer.from(byMaterial), Buffer.from(plaintext), "another key was imported")
    },
  },
  refused("altered", async ({ wrapped }) => {
    const altered = Uint8Array.from(wrapped)
    altered[altered.length - 3] = (altered.at(-3) ?? 0) ^ 1
    return altered
  }),
  refused("cut short", async ({ wrapped }) => wrapped.slice(0, -8)),
  refused("wrapped for another public key", async ({ parameters, material }) => {
    const bits = createPublicKey(parameters.publicKey).asymmetricKeyDetails?.modulusLength ?? 2048
    return wrapKeyMaterial({ ...parameters, publicKey: await foreignPublicKey(bits) }, material)
  }),
]

interface Wrapping {
  readonly parameters: ImportParameters
  readonly material: Uint8Array
  readonly wrapped: Uint8Array
}

function refused(what: string, spoil: (wrapping: Wrapping) => Promise<Uint8Array>): KeystoreCase {
  return {
    name: `refuses key material that is ${what}, and the key stays without`,
    async run(opened) {
      const key = await keyWithoutMaterial(opened)
      const parameters = await parametersFor(opened, key)
      const material = randomBytes(32)
      const encryptedKeyMaterial = await spoil({ parameters, material, wrapped: wrapKeyMaterial(parameters, material) })
      const { providerParams } = parameters
      const request = { key, encryptedKeyMaterial, providerParams }
      await expectRejectionOf(opened.instance.importKeyMaterial(request, opened.call()), refusals)
      await expectWithoutMaterial(opened, key)
    },
  }
}

const foreignPublicKeys = new Map<number, Promise<string>>()

/** One for each length, since making it takes time. */
function foreignPublicKey(modulusLength: number): Promise<string> {
  const made = foreignPublicKeys.get(modulusLength) ?? newPublicKey(modulusLength)
  foreignPublicKeys.set(modulusLength, made)
  return made
}

async function newPublicKey(modulusLength: number): Promise<string> {
  const { publicKey } = await promisify(generateKeyPair)("rsa", { modulusLength })
  return publicKey.export({ type: "spki", format: "pem" }).toString()
}

async function keyWithoutMaterial({ instance, backend, definition, call }: KeystoreCaseContext): Promise<KeyRef> {
  if (!definition.manifest.capabilities.includes("createKey")) {
    assert.ok(backend.createKeyForImport !== undefined, "without createKey, `backend.createKeyForImport` is needed")
    return backend.createKeyForImport()
  }
  const request = { keyId: backend.unusedKeyId(), origin: "import" } as const
  const created = await instance.createKey(request, call())
  assert.equal(created.state, "PENDING_IMPORT")
  return created.key
}

async function parametersFor({ instance, call }: KeystoreCaseContext, key: KeyRef): Promise<ImportParameters> {
  return instance.getImportParameters(key, call())
}

async function expectWithoutMaterial({ instance, call }: KeystoreCaseContext, key: KeyRef): Promise<void> {
  await expectRejectionOf(instance.encrypt({ key, plaintext, context }, call()), withoutMaterial)
}
