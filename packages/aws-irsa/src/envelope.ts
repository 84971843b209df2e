import type {
  CallOptions,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { Kms } from "./client.ts"
import { kmsContext } from "./encryption-context.ts"
import { unnamedVersion } from "./keys/key-facts.ts"

const longestPlaintextBytes = 4096
const algorithm = "SYMMETRIC_DEFAULT"

/**
 * Encrypts, and decrypts the result once: only the answer of Decrypt states which key material was used. This also
 * guarantees that every returned wrap opens.
 *
 * @throws {PluginError} KEY_MISMATCH - KMS decrypts it to something else
 */
export async function encrypt(
  kms: Kms,
  { key, plaintext, context }: EncryptRequest,
  call: CallOptions,
): Promise<EncryptResult> {
  if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
    const message = `The plaintext must have 1 to ${longestPlaintextBytes} bytes.`
    throw pluginError("INVALID_REQUEST", message, "Wrap a key, not data.")
  }
  const EncryptionContext = kmsContext(context)
  const { CiphertextBlob: ciphertext, $metadata } = await kms.send(call, (client, { EncryptCommand }, abortSignal) => {
    const input = { KeyId: key.keyId, Plaintext: plaintext, EncryptionContext, EncryptionAlgorithm: algorithm } as const
    return client.send(new EncryptCommand(input), { abortSignal })
  })
  if (ciphertext === undefined) throw incomplete()
  const opened = await open(kms, { keyId: key.keyId, ciphertext, EncryptionContext }, call)
  const isSame = Buffer.from(opened.plaintext).equals(plaintext)
  opened.plaintext.fill(0)
  if (!isSame) throw mismatch()
  return { ciphertext, keyVersion: opened.keyVersion, ...requestIdOf($metadata.requestId) }
}

/** Decrypts. @throws {PluginError} CIPHERTEXT_REJECTED - altered, or of another context, key or version */
export async function decrypt(
  kms: Kms,
  { key, ciphertext, keyVersion, context }: DecryptRequest,
  call: CallOptions,
): Promise<DecryptResult> {
  const EncryptionContext = kmsContext(context)
  const opened = await open(kms, { keyId: key.keyId, ciphertext, EncryptionContext }, call)
  if (opened.keyVersion === keyVersion) return { plaintext: opened.plaintext, ...requestIdOf(opened.requestId) }
  opened.plaintext.fill(0)
  throw pluginError(
    "CIPHERTEXT_REJECTED",
    "The ciphertext has another key version than stated.",
    "Use the ciphertext and the key version that one encrypt returned together.",
  )
}

interface Sealed {
  readonly keyId: string
  readonly ciphertext: Uint8Array
  readonly EncryptionContext: Record<string, string>
}

/** Always names the key: otherwise KMS would open a wrap of any key that the role may use. */
async function open(kms: Kms, { keyId, ciphertext, EncryptionContext }: Sealed, call: CallOptions) {
  const answer = await kms.send(call, (client, { DecryptCommand }, abortSignal) => {
    const input = {
      KeyId: keyId,
      CiphertextBlob: ciphertext,
      EncryptionContext,
      EncryptionAlgorithm: algorithm,
    } as const
    return client.send(new DecryptCommand(input), { abortSignal })
  })
  const { Plaintext: plaintext, KeyMaterialId: material, $metadata } = answer
  if (plaintext === undefined) throw incomplete()
  return { plaintext, keyVersion: material ?? unnamedVersion, requestId: $metadata.requestId }
}

function requestIdOf(requestId: string | undefined): { readonly backendRequestId?: string } {
  return requestId === undefined ? {} : { backendRequestId: requestId }
}

function incomplete() {
  return pluginError("BAD_RESPONSE", "The answer of AWS KMS is incomplete.", "Check the endpoint of KMS.")
}

/** Makes the error for a decrypt that did not return what was encrypted. */
export function mismatch() {
  const next = "Do not use this keystore; check which server answers at the endpoint of KMS."
  return pluginError("KEY_MISMATCH", "AWS KMS did not return the plaintext that it had encrypted.", next)
}
