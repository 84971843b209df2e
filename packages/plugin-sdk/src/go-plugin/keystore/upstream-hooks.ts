import type { JsonValue, UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "../../error-facts.ts"

/** Members of the configuration that the upstream host writes itself, over whatever a user gave under these names. */
export const reservedMembers: readonly string[] = ["authType", "clientCert", "privateKey"]

const unplaced = "unplaced"

/** What holds where a plugin says nothing about the upstream contract: data are passed on as they are. */
export const defaultHooks: UpstreamKeystoreHooksV1 = {
  keystoreConfiguration: (values) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !reservedMembers.includes(name))),
  validateKey({ algorithm }) {
    if (algorithm !== "AES256") {
      throw pluginError("INVALID_REQUEST", `Keys of the algorithm ${algorithm} are not served.`, "Use AES256.")
    }
  },
  validateKeyAccessData: () => undefined,
  transformCryptoAccessData: (_nativeKeyId, crypto) =>
    new Map(Object.entries(crypto).map(([region, data]) => [region, jsonBytes(data)])),
  extractKeyRegion: () => unplaced,
}

/** UTF-8 of the JSON of a value. */
export function jsonBytes(value: JsonValue): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
