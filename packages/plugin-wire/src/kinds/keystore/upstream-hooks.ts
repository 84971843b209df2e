import type { JsonValue, UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** Members of the configuration that the upstream host itself writes; they replace what a user gave under these names. */
export const reservedMembers: readonly string[] = ["authType", "clientCert", "privateKey"]

const unplaced = "unplaced"

/** Hooks of a plugin that has none for the upstream contract: they pass data on unchanged. */
export const defaultHooks: UpstreamKeystoreHooksV1 = {
  keystoreConfiguration: (values) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !reservedMembers.includes(name))),
  validateKey({ algorithm }) {
    if (algorithm !== "AES256") {
      throw pluginError(
        "INVALID_REQUEST",
        `The plugin does not serve keys of the algorithm ${algorithm}.`,
        "Use AES256.",
      )
    }
  },
  validateKeyAccessData: () => undefined,
  transformCryptoAccessData: (_nativeKeyId, crypto) =>
    new Map(Object.entries(crypto).map(([region, data]) => [region, jsonBytes(data)])),
  extractKeyRegion: () => unplaced,
}

/** Encodes a value as JSON in UTF-8. */
function jsonBytes(value: JsonValue): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
