import {
  encodeEncryptionContext,
  pluginError,
  toPluginError,
  unsupportedOperations,
  withDeadline,
} from "@apeiro-cmk/plugin-sdk"

/** Reasons why the plugin lacks a capability, for the manifest and the error. */
export const unsupportedReasons = {
  listKeyVersions: "a key of the Pocket KMS has one version",
  enableKey: "the Pocket KMS cannot enable or disable a key",
  disableKey: "the Pocket KMS cannot enable or disable a key",
  rotateKey: "a key of the Pocket KMS has one version",
  importKey: "the Pocket KMS generates every key itself",
}

const onlyVersion = "1"
const longestPlaintextBytes = 4096
const connectionTestTimeoutMs = 5_000
const probeContext = { tenantId: "probe", keyId: "probe", keyVersion: 1 }
const base64 = (bytes) => Buffer.from(bytes).toString("base64")

/** One opened keystore: one key of one Pocket KMS. */
export class PocketKeystore {
  #client
  #closing = new AbortController()

  constructor(client, keyName) {
    this.#client = client
    this.defaultKey = Object.freeze({ keyId: keyName })
    Object.assign(this, unsupportedOperations(unsupportedReasons), {
      createKey: (request, call) => this.#createKey(request, call),
      deleteKey: (key, call) => this.#deleteKey(key, call),
    })
  }

  async encrypt({ key, plaintext, context }, call) {
    if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
      throw pluginError("INVALID_REQUEST", "The plaintext must have 1 to 4096 bytes.", "Wrap a key, not data.")
    }
    const body = { plaintext: base64(plaintext), bound_to: base64(encodeEncryptionContext(context)) }
    const { ciphertext } = await this.#send("POST", `${key.keyId}/encrypt`, body, call)
    return { ciphertext: Buffer.from(ciphertext, "base64"), keyVersion: onlyVersion }
  }

  async decrypt({ key, ciphertext, keyVersion, context }, call) {
    if (keyVersion !== onlyVersion) {
      const message = "A key of the Pocket KMS has only version 1."
      throw pluginError("CIPHERTEXT_REJECTED", message, "Pass the version that encrypt returned.")
    }
    const body = { ciphertext: base64(ciphertext), bound_to: base64(encodeEncryptionContext(context)) }
    const { plaintext } = await this.#send("POST", `${key.keyId}/decrypt`, body, call)
    return { plaintext: Buffer.from(plaintext, "base64") }
  }

  async describeKey(key, call) {
    return description(key, await this.#send("GET", key.keyId, undefined, call))
  }

  async *testConnection(call) {
    const deadline = withDeadline(call.signal, connectionTestTimeoutMs)
    const bounded = { ...call, signal: deadline.signal, deadlineMs: deadline.deadlineMs }
    try {
      const found = await step("key_access", "The Pocket KMS has the key.", async () => {
        const { serial } = await this.#send("GET", this.defaultKey.keyId, undefined, bounded)
        return { server_serial: serial }
      })
      yield found
      if (found.outcome === "failed") return
      yield await step("round_trip", "32 bytes were encrypted and decrypted.", async () => {
        await this.probe(bounded)
        return {}
      })
    } finally {
      deadline.dispose()
    }
  }

  async probe(call) {
    const startedMs = performance.now()
    const key = this.defaultKey
    const sealed = await this.encrypt({ key, plaintext: new Uint8Array(32), context: probeContext }, call)
    await this.decrypt({ key, ...sealed, context: probeContext }, call)
    return { latencyMs: performance.now() - startedMs }
  }

  async close() {
    this.#closing.abort(pluginError("CANCELLED", "The keystore was closed.", "Open it again."))
  }

  async #createKey({ keyId, origin }, call) {
    if (origin === "import") {
      throw pluginError("UNSUPPORTED", unsupportedReasons.importKey, "Have the Pocket KMS generate the key.")
    }
    return description({ keyId }, await this.#send("PUT", keyId, undefined, call))
  }

  async #deleteKey({ keyId }, call) {
    await this.#send("DELETE", keyId, undefined, call)
  }

  #send(method, path, body, call) {
    const signal = AbortSignal.any([call.signal, this.#closing.signal])
    return this.#client.send(method, path, body, { ...call, signal })
  }
}

function description(key, { serial }) {
  return {
    key,
    identity: `pocket-kms:${serial}`,
    state: "ENABLED",
    algorithm: "aes256-gcm",
    exportable: false,
    latestVersion: onlyVersion,
    warnings: [],
  }
}

async function step(name, message, work) {
  const startedMs = performance.now()
  try {
    const facts = await work()
    return { name, outcome: "passed", durationMs: performance.now() - startedMs, message, facts }
  } catch (error) {
    const fallback = { message: "The step failed for an unknown reason.", nextStep: "Report this fault." }
    const { code, message: seen, nextStep } = toPluginError(error, fallback)
    return { name, outcome: "failed", durationMs: performance.now() - startedMs, message: seen, code, nextStep }
  }
}
