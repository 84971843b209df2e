import type {
  CallOptions,
  ImportKeyMaterialRequest,
  ImportParameters,
  KeyDescription,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { TransitKey } from "../client.ts"
import { decodeProviderParams, encodeProviderParams } from "./import-parameters.ts"
import type { TransitAdministration } from "./key-administration.ts"
import { describeTransitKey, type KeyPlace, unsuitable } from "./key-facts.ts"

/** Import of key material that its owner made (BYOK). Key names were checked before. */
export interface KeyImport {
  /** @throws {PluginError} INVALID_REQUEST - OpenBao made this key, so nothing can be imported into it */
  getImportParameters(keyId: string, call: CallOptions): Promise<ImportParameters>
  /**
   * Once for one set of parameters: a repeated import does not become one more version.
   * @throws {PluginError} CIPHERTEXT_REJECTED - altered, or wrapped for another public key
   * @throws {PluginError} INVALID_REQUEST - not 32 bytes, or parameters of another key, or used already
   */
  importKeyMaterial(request: ImportKeyMaterialRequest, call: CallOptions): Promise<KeyDescription>
}

/** RSA-OAEP with a 4096-bit key, then 32 bytes under AES key wrap with padding (RFC 5649). */
const wrappedBytes = 512 + 40

/** Makes the {@link KeyImport} of the keys in one place. */
export function createKeyImport(place: KeyPlace, administration: TransitAdministration): KeyImport {
  async function nextVersion(keyId: string, call: CallOptions): Promise<number> {
    const key = await place.transit.findKey(keyId, call)
    if (key === undefined) return 1
    requireImported(key)
    return key.latestVersion + 1
  }

  async function getImportParameters(keyId: string, call: CallOptions): Promise<ImportParameters> {
    const version = await nextVersion(keyId, call)
    return {
      publicKey: await administration.wrappingKey(call),
      wrappingAlgorithm: "CKM_RSA_AES_KEY_WRAP",
      hashFunction: "SHA256",
      providerParams: encodeProviderParams({ key: keyId, version }),
    }
  }

  async function importKeyMaterial(request: ImportKeyMaterialRequest, call: CallOptions): Promise<KeyDescription> {
    const { encryptedKeyMaterial, providerParams } = request
    const { keyId } = request.key
    const version = versionIn(providerParams, keyId)
    if (encryptedKeyMaterial.length !== wrappedBytes) throw wrongLength(encryptedKeyMaterial.length)
    if (version > 1 && (await nextVersion(keyId, call)) !== version) throw usedAlready(version)
    // Whether a first version is still missing is OpenBao's to say: it alone can say so at the moment of the import.
    await administration.import(keyId, version === 1 ? "new key" : "next version", encryptedKeyMaterial, call)
    return describeTransitKey(place, keyId, call)
  }

  return { getImportParameters, importKeyMaterial }
}

/** Makes sure that a key takes an import as its next version. @throws {PluginError} INVALID_REQUEST, KEY_UNSUITABLE */
export function requireImported(key: TransitKey): void {
  const refusal = unsuitable(key)
  if (refusal !== undefined) throw refusal
  if (key.imported) return
  throw pluginError(
    "INVALID_REQUEST",
    "OpenBao made the material of this key, so none can be imported into it.",
    "Import under another name, or rotate this key in place.",
  )
}

function versionIn(providerParams: string, keyId: string): number {
  const params = decodeProviderParams(providerParams)
  if (params?.key === keyId) return params.version
  throw pluginError(
    "INVALID_REQUEST",
    params === undefined
      ? "These are no import parameters of this plugin."
      : "The import parameters are another key's.",
    "Give providerParams back unchanged, as they came with the public key.",
  )
}

function wrongLength(length: number) {
  return pluginError(
    "INVALID_REQUEST",
    `The wrapped key material has ${length} bytes instead of ${wrappedBytes}.`,
    "Wrap the 32 bytes of the key with CKM_RSA_AES_KEY_WRAP for the public key of the import parameters.",
  )
}

function usedAlready(version: number) {
  return pluginError(
    "INVALID_REQUEST",
    `These import parameters were for version ${version}, which is not the next one of the key.`,
    "Describe the key; for a new version get new import parameters.",
  )
}
