import type { OpenBaoClient } from "@apeiro-cmk/openbao-client"
import {
  type CallOptions,
  type DecryptRequest,
  type EncryptRequest,
  isPluginError,
  type KeyRef,
  type KeystoreCapability,
  type KeystoreV1,
  type PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext, pluginError, unsupported } from "@apeiro-cmk/plugin-sdk"
import { ciphertextVersion, createTransit } from "./client.ts"
import { keyName } from "./configuration/text.ts"
import { testConnection } from "./connection/test-connection.ts"
import { keyMismatch } from "./errors.ts"
import { createTransitAdministration } from "./keys/key-administration.ts"
import {
  describeTransitKey,
  type KeyPlace,
  readOrProve,
  throwAwayContext,
  unsuitable,
  versionStatus,
} from "./keys/key-facts.ts"
import { createKeyImport } from "./keys/key-import.ts"
import { createKeyLifeCycle } from "./keys/key-life-cycle.ts"

/** What {@link createKeystore} needs. */
export interface KeystoreOptions {
  readonly client: OpenBaoClient
  readonly namespace?: string
  readonly mountPath: string
  readonly keyName: string
  readonly services: Pick<PluginServices, "clock" | "random">
  /** Called once, when the keystore has closed. */
  readonly onClose: () => Promise<void>
}

/** Why this version lacks a capability. */
export const unsupportedReasons = {
  enableKey: "a transit key is never disabled; one that is soft-deleted is restored in OpenBao",
  disableKey:
    "a transit key cannot be disabled; in OpenBao it can be soft-deleted, or its versions closed by min_decryption_version",
} as const satisfies Partial<Record<KeystoreCapability, string>>

const longestPlaintextBytes = 4096

/** Opens one transit key of one tenant. Touches no network. */
export function createKeystore(options: KeystoreOptions): KeystoreV1 {
  const { client, namespace, mountPath, services, onClose } = options
  const { clock, random } = services
  const transit = createTransit(client, mountPath)
  const place: KeyPlace = { client, transit, mountPath, ...(namespace === undefined ? {} : { namespace }) }
  const administration = createTransitAdministration(client, mountPath)
  const lifeCycle = createKeyLifeCycle(place, administration)
  const keyImport = createKeyImport(place, administration)
  const defaultKey: KeyRef = { keyId: options.keyName }
  /** Keys that were seen to exist: only these are encrypted on. */
  const proven = new Set<string>()
  let sample: { readonly plaintext: Uint8Array; readonly ciphertext: string; readonly context: Uint8Array } | undefined

  async function prove(keyId: string, call: CallOptions): Promise<void> {
    if (proven.has(keyId)) return
    const key = await readOrProve(transit, keyId, call)
    const refusal = key === undefined ? undefined : unsuitable(key)
    if (refusal !== undefined) throw refusal
    proven.add(keyId)
  }

  /** A 403 on a missing key looks like a denial; what the key itself answers tells them apart. */
  async function settled(keyId: string, error: unknown, call: CallOptions): Promise<unknown> {
    if (!isPluginError(error)) return error
    if (error.code.startsWith("KEY_")) proven.delete(keyId)
    if (error.code !== "DENIED") return error
    proven.delete(keyId)
    try {
      await readOrProve(transit, keyId, call)
      return error
    } catch (found) {
      return isPluginError(found) && found.code.startsWith("KEY_") ? found : error
    }
  }

  async function encryptBytes(keyId: string, plaintext: Uint8Array, context: Uint8Array, call: CallOptions) {
    await prove(keyId, call)
    try {
      return await transit.encrypt(keyId, plaintext, context, call)
    } catch (error) {
      throw await settled(keyId, error, call)
    }
  }

  async function decryptBytes(keyId: string, ciphertext: string, context: Uint8Array, call: CallOptions) {
    try {
      return await transit.decrypt(keyId, ciphertext, context, call)
    } catch (error) {
      throw await settled(keyId, error, call)
    }
  }

  async function encrypt({ key, plaintext, context }: EncryptRequest, call: CallOptions) {
    const keyId = checkedKey(key)
    if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
      const message = `The plaintext must have 1 to ${longestPlaintextBytes} bytes.`
      throw pluginError("INVALID_REQUEST", message, "Wrap a key, not data.")
    }
    const encrypted = await encryptBytes(keyId, plaintext, encodeEncryptionContext(context), call)
    return {
      ciphertext: new Uint8Array(Buffer.from(encrypted.ciphertext, "latin1")),
      keyVersion: String(encrypted.keyVersion),
      ...backendRequestId(encrypted),
    }
  }

  async function decrypt({ key, ciphertext, keyVersion, context }: DecryptRequest, call: CallOptions) {
    const keyId = checkedKey(key)
    const text = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.length).toString("latin1")
    const version = ciphertextVersion(text)
    if (version === undefined || String(version) !== keyVersion) {
      throw pluginError(
        "CIPHERTEXT_REJECTED",
        "The ciphertext is none of OpenBao's, or of another key version than stated.",
        "Use the ciphertext and the key version that one encrypt returned together.",
      )
    }
    const decrypted = await decryptBytes(keyId, text, encodeEncryptionContext(context), call)
    return { plaintext: decrypted.plaintext, ...backendRequestId(decrypted) }
  }

  async function listKeyVersions(ref: KeyRef, call: CallOptions) {
    const key = await transit.readKey(checkedKey(ref), call)
    return key.versions.map(({ version, createdAtMs }) => ({
      versionId: String(version),
      createdAtMs,
      status: versionStatus(version, key),
    }))
  }

  /** Encrypts a throw-away sample once; from then on each probe is one real decrypt. */
  async function probe(call: CallOptions) {
    const startedMs = clock.monotonicMs()
    sample ??= await newSample(call)
    const { plaintext, ciphertext, context } = sample
    try {
      const decrypted = await decryptBytes(defaultKey.keyId, ciphertext, context, call)
      if (!Buffer.from(decrypted.plaintext).equals(plaintext)) throw keyMismatch()
    } catch (error) {
      // The next probe begins afresh, e.g. after the key's old versions were closed.
      sample = undefined
      throw error
    }
    return { latencyMs: clock.monotonicMs() - startedMs }
  }

  async function newSample(call: CallOptions) {
    const plaintext = random.bytes(32)
    const context = encodeEncryptionContext(throwAwayContext(call, "probe"))
    const { ciphertext } = await encryptBytes(defaultKey.keyId, plaintext, context, call)
    return { plaintext, ciphertext, context }
  }

  const lacks = (capability: keyof typeof unsupportedReasons) => async (): Promise<never> => {
    throw unsupported(capability, unsupportedReasons[capability])
  }

  const keystore: KeystoreV1 = {
    defaultKey,
    encrypt,
    decrypt,
    describeKey: async (key, call) => describeTransitKey(place, checkedKey(key), call),
    listKeyVersions,
    createKey: async ({ keyId, origin }, call) => lifeCycle.createKey({ keyId: checkedKey({ keyId }), origin }, call),
    enableKey: lacks("enableKey"),
    disableKey: lacks("disableKey"),
    rotateKey: async (key, call) => lifeCycle.rotateKey(checkedKey(key), call),
    async deleteKey(key, call) {
      const keyId = checkedKey(key)
      proven.delete(keyId)
      await lifeCycle.deleteKey(keyId, call)
    },
    getImportParameters: async (key, call) => keyImport.getImportParameters(checkedKey(key), call),
    importKeyMaterial: async (request, call) =>
      keyImport.importKeyMaterial({ ...request, key: { keyId: checkedKey(request.key) } }, call),
    testConnection: (call) => testConnection({ keystore, place, clock, random }, call),
    probe,
    close: closeOnce(async () => {
      await client.close()
      await onClose()
    }),
  }
  return keystore
}

function checkedKey(key: KeyRef): string {
  const parsed = keyName.safeParse(key.keyId)
  if (parsed.success) return parsed.data
  throw pluginError("INVALID_REQUEST", "This is no name of an OpenBao key.", "Use the key's name as OpenBao lists it.")
}

function backendRequestId(answer: { readonly requestId?: string }): { readonly backendRequestId?: string } {
  return answer.requestId === undefined ? {} : { backendRequestId: answer.requestId }
}

function closeOnce(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined
  return () => {
    closed ??= close()
    return closed
  }
}
