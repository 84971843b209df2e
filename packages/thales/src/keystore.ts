import type {
  CallOptions,
  ConnectionStep,
  CreateKeyRequest,
  DecryptRequest,
  DecryptResult,
  EncryptRequest,
  EncryptResult,
  KeyDescription,
  KeyRef,
  KeystoreV1,
  KeyVersionDescription,
  PluginServices,
  ProbeResult,
} from "@apeiro-cmk/plugin-interface"
import {
  abortReason,
  encodeEncryptionContext,
  pluginError,
  unsupported,
  unsupportedOperations,
} from "@apeiro-cmk/plugin-sdk"
import type { Appliances } from "./appliances.ts"
import type { ConnectionTest } from "./connection/connection-check.ts"
import { testConnection } from "./connection/test-connection.ts"
import { descriptionOf } from "./keys/key-facts.ts"
import { versionName, versionNumber } from "./token/versions.ts"

/** Options of a {@link ThalesKeystore}. */
export interface KeystoreOptions {
  readonly token: Appliances
  readonly keyLabel: string
  readonly slotId: number | undefined
  /** FIPS level as the operator states it for the module. */
  readonly fipsLevel: string | undefined
  /** Serial numbers of the appliances' partitions, where the configuration has them. */
  readonly serialNumbers: readonly string[]
  readonly network: ConnectionTest["network"]
  readonly checkClient: ConnectionTest["checkClient"]
  readonly latencyLimits: ConnectionTest["latencyLimits"]
  readonly services: Pick<PluginServices, "clock" | "random">
  /** Called once, when the keystore has closed. */
  readonly onClose: () => void
}

/** Reasons why the plugin lacks a capability, for the manifest and the error. */
export const unsupportedReasons = {
  enableKey: "a PKCS#11 token cannot enable or disable a key",
  disableKey: "a PKCS#11 token cannot enable or disable a key",
  importKey: "imported key material also exists outside the HSM; generate the key in the HSM",
} as const

const lacking = unsupportedOperations(unsupportedReasons)
const longestPlaintextBytes = 4096
const longestLabel = 32

/** One key in one partition, or in several that hold the same key. Touches no token until the first call. */
export class ThalesKeystore implements KeystoreV1 {
  readonly defaultKey: KeyRef
  readonly enableKey = lacking.enableKey
  readonly disableKey = lacking.disableKey
  readonly getImportParameters = lacking.getImportParameters
  readonly importKeyMaterial = lacking.importKeyMaterial
  readonly #options: KeystoreOptions
  readonly #token: Appliances

  constructor(options: KeystoreOptions) {
    this.#options = options
    this.#token = options.token
    this.defaultKey = { keyId: options.keyLabel }
  }

  async encrypt({ key, plaintext, context }: EncryptRequest, call: CallOptions): Promise<EncryptResult> {
    const keyLabel = checkedLabel(key, call)
    if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
      const message = `The plaintext must have 1 to ${longestPlaintextBytes} bytes.`
      throw pluginError("INVALID_REQUEST", message, "Wrap a key, not data.")
    }
    const request = { keyLabel, plaintext, associatedData: encodeEncryptionContext(context) }
    const { ciphertext, version, checkValue } = await this.#token.ask("encrypt", request, call)
    return { ciphertext, keyVersion: versionName(version, checkValue) }
  }

  async decrypt({ key, ciphertext, keyVersion, context }: DecryptRequest, call: CallOptions): Promise<DecryptResult> {
    const keyLabel = checkedLabel(key, call)
    const associatedData = encodeEncryptionContext(context)
    const version = versionNumber(keyVersion)
    if (version === undefined) throw ofAnotherVersion()
    const opened = await this.#token.ask("decrypt", { keyLabel, version, ciphertext, associatedData }, call)
    if (versionName(version, opened.checkValue) === keyVersion) return { plaintext: opened.plaintext }
    opened.plaintext.fill(0)
    throw ofAnotherVersion()
  }

  async describeKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    const keyLabel = checkedLabel(key, call)
    const facts = await this.#token.ask("facts", {}, call)
    const versions = await this.#token.ask("describe", { keyLabel }, call)
    return descriptionOf(keyLabel, this.#options.serialNumbers, facts, versions)
  }

  async listKeyVersions(key: KeyRef, call: CallOptions): Promise<readonly KeyVersionDescription[]> {
    const versions = await this.#token.ask("describe", { keyLabel: checkedLabel(key, call) }, call)
    // A token does not record when a key was generated.
    return versions.map(({ checkValue }, index) => ({
      versionId: versionName(index + 1, checkValue),
      createdAtMs: 0,
      status: index === versions.length - 1 ? "ENABLED" : "DECRYPT_ONLY",
    }))
  }

  async rotateKey(key: KeyRef, call: CallOptions): Promise<KeyDescription> {
    const keyLabel = checkedLabel(key, call)
    if (this.#token.states().length > 1) throw rotatedByHand()
    await this.#token.ask("rotate", { keyLabel }, call)
    return this.describeKey(key, call)
  }

  async createKey({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    const keyLabel = checkedLabel({ keyId }, call)
    if (origin === "import") throw unsupported("importKey", unsupportedReasons.importKey)
    await this.#token.ask("generate", { keyLabel }, call)
    return this.describeKey({ keyId }, call)
  }

  async deleteKey(key: KeyRef, call: CallOptions): Promise<void> {
    await this.#token.ask("destroy", { keyLabel: checkedLabel(key, call) }, call)
  }

  testConnection(call: CallOptions): AsyncIterable<ConnectionStep> {
    return testConnection({ ...this.#options, keystore: this }, call)
  }

  async probe(call: CallOptions): Promise<ProbeResult> {
    const { clock, random } = this.#options.services
    const startedMs = clock.monotonicMs()
    const key = this.defaultKey
    const plaintext = random.bytes(32)
    const context = { tenantId: call.tenantId, keyId: "apeiro-cmk/probe", keyVersion: 1 }
    const sealed = await this.encrypt({ key, plaintext, context }, call)
    const opened = await this.decrypt({ key, ...sealed, context }, call)
    if (!Buffer.from(opened.plaintext).equals(plaintext)) throw mismatch()
    return { latencyMs: clock.monotonicMs() - startedMs }
  }

  async close(): Promise<void> {
    await this.#token.close()
    this.#options.onClose()
  }
}

function checkedLabel({ keyId }: KeyRef, { signal }: CallOptions): string {
  if (signal.aborted) throw abortReason(signal)
  if (keyId.length >= 1 && keyId.length <= longestLabel * 2) return keyId
  throw pluginError("INVALID_REQUEST", "Not a valid key label.", "Use the key's label (CKA_LABEL).")
}

function ofAnotherVersion() {
  const next = "Use the ciphertext and the key version that one encrypt returned together."
  return pluginError("CIPHERTEXT_REJECTED", "The ciphertext belongs to another key or version.", next)
}

function rotatedByHand() {
  const next = "Generate the version in one appliance and clone it to each of the others, as the guide shows."
  const message = "A version that one of several appliances generates would be missing in the others."
  return pluginError("UNSUPPORTED", message, next)
}

function mismatch() {
  const next = "Do not use this keystore; have the HSM inspected."
  return pluginError("KEY_MISMATCH", "The HSM decrypted a ciphertext to other bytes than it had encrypted.", next)
}
