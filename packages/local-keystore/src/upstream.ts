import type { UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** The software keystore under the upstream host, for trials: the key is the native key id, access data say nothing. */
export const upstreamHooks: UpstreamKeystoreHooksV1 = {
  keystoreConfiguration: (_values, nativeKeyId) => (nativeKeyId === "" ? {} : { key_name: nativeKeyId }),
  validateKey({ algorithm }) {
    if (algorithm === "AES256") return
    throw pluginError("INVALID_REQUEST", "The local keystore has AES-256 keys.", "Use the algorithm AES256.")
  },
  validateKeyAccessData: () => undefined,
  transformCryptoAccessData: (_nativeKeyId, crypto) =>
    new Map(Object.entries(crypto).map(([region, data]) => [region, new TextEncoder().encode(JSON.stringify(data))])),
  extractKeyRegion: () => "local",
}
