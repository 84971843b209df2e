import type { UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** Software keys under the upstream host, for trials: the native key id names the key; access data are ignored. */
export const upstreamHooks: UpstreamKeystoreHooksV1 = {
  keystoreConfiguration: (_values, nativeKeyId) => (nativeKeyId === "" ? {} : { key_name: nativeKeyId }),
  validateKey({ algorithm }) {
    if (algorithm === "AES256") return
    throw pluginError("INVALID_REQUEST", "The local keystore supports only AES-256 keys.", "Use the algorithm AES256.")
  },
  validateKeyAccessData: () => undefined,
  transformCryptoAccessData: (_nativeKeyId, crypto) =>
    new Map(Object.entries(crypto).map(([region, data]) => [region, new TextEncoder().encode(JSON.stringify(data))])),
  extractKeyRegion: () => "local",
}
