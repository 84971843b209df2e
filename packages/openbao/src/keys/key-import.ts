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

/** Import of key material from its owner (BYOK). Key names must be checked first. */
export interface KeyImport {
  /**
   * Gets the parameters for wrapping key material.
   * @throws {PluginError} INVALID_REQUEST - OpenBao generated this key, so nothing can be imported into it
   */
  getImportParameters(keyId: string, call: CallOptions): Promise<ImportParameters>
  /**
   * Imports key material, once for each set of parameters: a repeated import does not create another version.
   * @throws {PluginError} CIPHERTEXT_REJECTED - altered, or wrapped with another public key
   * @throws {PluginError} INVALID_REQUEST - not 32 bytes, or parameters of another key, or already used
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
    // Only OpenBao knows at the moment of the import whether the key already has a first version.
    await administration.import(keyId, version === 1 ? "new key" : "next version", encryptedKeyMaterial, call)
    return describeTransitKey(place, keyId, call)
  }

  return { getImportParameters, importKeyMaterial }
}

/** Checks that a key accepts an import as its next version. @throws {PluginError} INVALID_REQUEST, KEY_UNSUITABLE */
export function requireImported(key: TransitKey): void {
  const refusal = unsuitable(key)
  if (refusal !== undefined) throw refusal
  if (key.imported) return
  throw pluginError(
    "INVALID_REQUEST",
    "OpenBao generated the material of this key, so none can be imported into it.",
    "Import under another name, or rotate this key in place.",
  )
}

function versionIn(providerParams: string, keyId: string): number {
  const params = decodeProviderParams(providerParams)
  if (params?.key === keyId) return params.version
  throw pluginError(
    "INVALID_REQUEST",
    params === undefined
      ? "The import parameters do not come from this plugin."
      : "The import parameters belong to another key.",
    "Send providerParams unchanged, as they came with the public key.",
  )
}

function wrongLength(length: number) {
  return pluginError(
    "INVALID_REQUEST",
    `The wrapped key material has ${length} bytes instead of ${wrappedBytes}.`,
    "Wrap the 32 bytes of the key with CKM_RSA_AES_KEY_WRAP and the public key of the import parameters.",
  )
}

function usedAlready(version: number) {
  return pluginError(
    "INVALID_REQUEST",
    `These import parameters were for version ${version}, which is not the key's next version.`,
    "Describe the key, and get new import parameters for a new version.",
  )
}
