import type { CallOptions, KeyDescription, KeyRef, KeystoreV1, PluginServices } from "@apeiro-cmk/plugin-interface"
import { abortReason, encodeEncryptionContext, pluginError, unsupportedOperations } from "@apeiro-cmk/plugin-sdk"
import type { Appliances } from "./appliances.ts"
import { type ConnectionTest, testConnection } from "./connection/test-connection.ts"
import type { TokenFacts, TokenKey } from "./token/messages.ts"
import { versionName, versionNumber } from "./token/versions.ts"

/** What {@link createKeystore} needs. */
export interface KeystoreOptions {
  readonly token: Appliances
  readonly keyLabel: string
  readonly slotId: number | undefined
  /** What the operator says of the module. */
  readonly fipsLevel: string | undefined
  /** Of the appliances' partitions, where they are stated. */
  readonly serialNumbers: readonly string[]
  readonly network: ConnectionTest["network"]
  readonly checkClient: ConnectionTest["checkClient"]
  readonly latencyLimits: ConnectionTest["latencyLimits"]
  readonly services: Pick<PluginServices, "clock" | "random">
  /** Called once, when the keystore has closed. */
  readonly onClose: () => void
}

/** Why the plugin lacks a capability: stands in the manifest and in the error. */
export const unsupportedReasons = {
  enableKey: "a token has no switch that disables a key",
  disableKey: "a token has no switch that disables a key",
  importKey: "material from elsewhere would be known elsewhere; make the key in the HSM",
} as const

const longestPlaintextBytes = 4096
const longestLabel = 32

/** Opens one key of one partition. Touches no token. */
export function createKeystore(options: KeystoreOptions): KeystoreV1 {
  const { token, keyLabel, serialNumbers, services, onClose } = options
  const { clock, random } = services
  const defaultKey: KeyRef = { keyId: keyLabel }

  const keystore: KeystoreV1 = {
    ...unsupportedOperations(unsupportedReasons),
    defaultKey,
    async encrypt({ key, plaintext, context }, call) {
      const label = checkedLabel(key, call)
      if (plaintext.length < 1 || plaintext.length > longestPlaintextBytes) {
        const message = `The plaintext must have 1 to ${longestPlaintextBytes} bytes.`
        throw pluginError("INVALID_REQUEST", message, "Wrap a key, not data.")
      }
      const associatedData = encodeEncryptionContext(context)
      const { ciphertext, version, checkValue } = await token.ask(
        "encrypt",
        { keyLabel: label, plaintext, associatedData },
        call,
      )
      return { ciphertext, keyVersion: versionName(version, checkValue) }
    },
    async decrypt({ key, ciphertext, keyVersion, context }, call) {
      const label = checkedLabel(key, call)
      const associatedData = encodeEncryptionContext(context)
      const version = versionNumber(keyVersion)
      if (version === undefined) throw ofAnotherVersion()
      const opened = await token.ask("decrypt", { keyLabel: label, version, ciphertext, associatedData }, call)
      if (versionName(version, opened.checkValue) === keyVersion) return { plaintext: opened.plaintext }
      opened.plaintext.fill(0)
      throw ofAnotherVersion()
    },
    async describeKey(key, call) {
      const label = checkedLabel(key, call)
      const facts = await token.ask("facts", {}, call)
      return descriptionOf(label, serialNumbers, facts, await token.ask("describe", { keyLabel: label }, call))
    },
    async listKeyVersions(key, call) {
      const versions = await token.ask("describe", { keyLabel: checkedLabel(key, call) }, call)
      // A token does not tell when a key was made.
      return versions.map(({ checkValue }, index) => ({
        versionId: versionName(index + 1, checkValue),
        createdAtMs: 0,
        status: index === versions.length - 1 ? "ENABLED" : "DECRYPT_ONLY",
      }))
    },
    async rotateKey(key, call) {
      const label = checkedLabel(key, call)
      if (token.states().length > 1) throw rotatedByHand()
      await token.ask("rotate", { keyLabel: label }, call)
      return keystore.describeKey(key, call)
    },
    async createKey({ keyId, origin }, call) {
      const label = checkedLabel({ keyId }, call)
      if (origin === "import") return keystore.getImportParameters({ keyId }, call) as Promise<never>
      await token.ask("generate", { keyLabel: label }, call)
      return keystore.describeKey({ keyId: label }, call)
    },
    async deleteKey(key, call) {
      await token.ask("destroy", { keyLabel: checkedLabel(key, call) }, call)
    },
    testConnection: (call) => testConnection({ ...options, keystore }, call),
    async probe(call) {
      const startedMs = clock.monotonicMs()
      const plaintext = random.bytes(32)
      const context = { tenantId: call.tenantId, keyId: "apeiro-cmk/probe", keyVersion: 1 }
      const sealed = await keystore.encrypt({ key: defaultKey, plaintext, context }, call)
      const opened = await keystore.decrypt({ key: defaultKey, ...sealed, context }, call)
      if (!Buffer.from(opened.plaintext).equals(plaintext)) throw mismatch()
      return { latencyMs: clock.monotonicMs() - startedMs }
    },
    async close() {
      token.close()
      onClose()
    },
  }
  return keystore
}

function checkedLabel({ keyId }: KeyRef, { signal }: CallOptions): string {
  if (signal.aborted) throw abortReason(signal)
  if (keyId.length >= 1 && keyId.length <= longestLabel * 2) return keyId
  throw pluginError("INVALID_REQUEST", "This is no label of a key.", "Use the key's label (CKA_LABEL).")
}

/** A key is the one of its token: serial number, label and check value of its first version, as the token states them. */
function descriptionOf(
  label: string,
  serialNumbers: readonly string[],
  { serialNumber }: TokenFacts,
  versions: readonly TokenKey[],
): KeyDescription {
  const [oldest] = versions
  const latest = versions.at(-1)
  if (oldest === undefined || latest === undefined) throw new Error("the token described no version of its key")
  // Of several appliances the same one names the key, whichever serves.
  const [first = serialNumber] = serialNumbers.toSorted()
  return {
    key: { keyId: label },
    identity: `pkcs11:serial=${first};object=${encodeURIComponent(label)};check=${oldest.checkValue}`,
    state: "ENABLED",
    algorithm: `aes${latest.lengthBytes * 8}-gcm`,
    exportable: versions.some((key) => key.extractable || !key.neverExtractable),
    latestVersion: versionName(versions.length, latest.checkValue),
    warnings: [...new Set(versions.flatMap(warningsAbout))],
  }
}

function warningsAbout({ extractable, neverExtractable, alwaysSensitive, lengthBytes }: TokenKey): readonly string[] {
  return [
    ...(extractable ? ["The key is extractable: it could leave the HSM."] : []),
    ...(!extractable && !neverExtractable ? ["The key was extractable at some time, or was made elsewhere."] : []),
    ...(alwaysSensitive ? [] : ["The key was not sensitive at some time, or was made elsewhere."]),
    ...(lengthBytes === 32 ? [] : ["The key has fewer than 256 bits."]),
  ]
}

function ofAnotherVersion() {
  const next = "Use the ciphertext and the key version that one encrypt returned together."
  return pluginError("CIPHERTEXT_REJECTED", "The ciphertext is of another key or version than stated.", next)
}

function rotatedByHand() {
  const next = "Make the version in one appliance and clone it to each, as the guide shows."
  return pluginError(
    "UNSUPPORTED",
    "A version that one of several appliances makes would be missing in the others.",
    next,
  )
}

/** The token gave back something else than what was encrypted. */
export function mismatch() {
  const next = "Do not use this keystore; have the HSM looked at."
  return pluginError("KEY_MISMATCH", "The HSM decrypted to something else than what it had encrypted.", next)
}
