import type {
  CallOptions,
  ConnectionStep,
  CreateKeyRequest,
  DecryptRequest,
  EncryptRequest,
  ImportKeyMaterialRequest,
  ImportParameters,
  KeyDescription,
  KeyRef,
  KeystoreV1,
} from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext, pluginError, toPluginError, withDeadline } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { JsonClient } from "../json-client.ts"

const description = z.object({
  serial: z.string(),
  state: z.enum(["ENABLED", "DISABLED", "PENDING_IMPORT"]),
  versions: z.array(z.object({ createdAtMs: z.number() })),
})
const importParameters = z.object({ publicKey: z.string(), token: z.string() })
const longestPlaintextBytes = 4096
const connectionTestTimeoutMs = 4_000
const probeContext = { tenantId: "probe", keyId: "probe", keyVersion: 1 }
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64")

/** One opened reference keystore. */
export class ReferenceKeystore implements KeystoreV1 {
  readonly defaultKey: KeyRef
  readonly #client: JsonClient
  readonly #closing = new AbortController()

  constructor(client: JsonClient, keyName: string) {
    this.#client = client
    this.defaultKey = Object.freeze({ keyId: keyName })
  }

  async encrypt({ key, plaintext, context }: EncryptRequest, call: CallOptions) {
    if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
      throw pluginError("INVALID_REQUEST", "The plaintext must have 1 to 4096 bytes.", "Wrap a key, not data.")
    }
    const associatedData = base64(encodeEncryptionContext(context))
    const request = { operation: "encrypt", key: key.keyId, plaintext: base64(plaintext), associatedData }
    const answer = await this.#send(request, z.object({ ciphertext: z.base64(), version: z.number() }), call)
    return { ciphertext: Buffer.from(answer.ciphertext, "base64"), keyVersion: String(answer.version) }
  }

  async decrypt({ key, ciphertext, keyVersion, context }: DecryptRequest, call: CallOptions) {
    const request = {
      operation: "decrypt",
      key: key.keyId,
      version: Number(keyVersion),
      ciphertext: base64(ciphertext),
      associatedData: base64(encodeEncryptionContext(context)),
    }
    const answer = await this.#send(request, z.object({ plaintext: z.base64() }), call)
    return { plaintext: Buffer.from(answer.plaintext, "base64") }
  }

  async describeKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    return this.#manage("describe", key, call)
  }

  async listKeyVersions(key: KeyRef, call: CallOptions) {
    const { versions } = await this.#send({ operation: "describe", key: key.keyId }, description, call)
    return versions.map(({ createdAtMs }, index) => ({ versionId: String(index + 1), createdAtMs, status: "ENABLED" }))
  }

  async createKey({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    return this.#manage("create", { keyId }, call, { origin })
  }

  async enableKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#manage("enable", key, call)
  }

  async disableKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#manage("disable", key, call)
  }

  async rotateKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    return this.#manage("rotate", key, call)
  }

  async deleteKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#send({ operation: "delete", key: key.keyId }, z.object({}), call)
  }

  async getImportParameters(key: KeyRef, call: CallOptions): Promise<ImportParameters> {
    const request = { operation: "importParameters", key: key.keyId }
    const { publicKey, token } = await this.#send(request, importParameters, call)
    return { publicKey, wrappingAlgorithm: "CKM_RSA_AES_KEY_WRAP", hashFunction: "SHA256", providerParams: token }
  }

  async importKeyMaterial(request: ImportKeyMaterialRequest, call: CallOptions): Promise<KeyDescription> {
    const { key, encryptedKeyMaterial, providerParams } = request
    return this.#manage("import", key, call, { material: base64(encryptedKeyMaterial), token: providerParams })
  }

  async *testConnection(call: CallOptions): AsyncGenerator<ConnectionStep> {
    const deadline = withDeadline(call.signal, connectionTestTimeoutMs)
    const bounded = { ...call, ...deadline }
    try {
      const describe = () => this.describeKey(this.defaultKey, bounded)
      const access = await step("key_access", "The server knows the key.", describe, { key_found: true })
      yield access
      if (access.outcome === "failed") return
      yield await step("round_trip", "What was encrypted came back.", () => this.probe(bounded))
    } finally {
      deadline.dispose()
    }
  }

  async probe(call: CallOptions) {
    const startedAtMs = performance.now()
    const key = this.defaultKey
    const sealed = await this.encrypt({ key, plaintext: new Uint8Array(32), context: probeContext }, call)
    await this.decrypt({ key, ...sealed, context: probeContext }, call)
    return { latencyMs: performance.now() - startedAtMs }
  }

  async close(): Promise<void> {
    this.#closing.abort(pluginError("CANCELLED", "The keystore was closed.", "Open it again."))
  }

  async #manage(operation: string, key: KeyRef, call: CallOptions, more = {}): Promise<KeyDescription> {
    const { serial, state, versions } = await this.#send({ operation, key: key.keyId, ...more }, description, call)
    return {
      key,
      identity: `reference:${serial}:${key.keyId}`,
      state,
      algorithm: "aes256-gcm",
      exportable: false,
      latestVersion: String(versions.length),
      warnings: [],
    }
  }

  async #send<Answer>(body: object, answer: z.ZodType<Answer>, call: CallOptions): Promise<Answer> {
    const signal = AbortSignal.any([call.signal, this.#closing.signal])
    return this.#client.send(body, answer, { ...call, signal })
  }
}

async function step(
  name: string,
  message: string,
  work: () => Promise<unknown>,
  facts: ConnectionStep["facts"] = {},
): Promise<ConnectionStep> {
  const startedAtMs = performance.now()
  try {
    await work()
    return { name, outcome: "passed", durationMs: performance.now() - startedAtMs, message, facts }
  } catch (error) {
    const fallback = { message: "The step failed for a reason that is not known.", nextStep: "Report this fault." }
    const { code, message: seen, nextStep } = toPluginError(error, fallback)
    return { name, outcome: "failed", durationMs: performance.now() - startedAtMs, message: seen, code, nextStep }
  }
}
