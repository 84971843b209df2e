import type { JsonValue, UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { configurationError, parseConfiguration, pluginError, requireConfiguration } from "@apeiro-cmk/plugin-sdk"
import { z } from "zod"
import { keystoreConfiguration } from "./config.ts"

type JsonObject = Readonly<Record<string, JsonValue>>

/** Longest region that the upstream host stores, in characters. */
const longestRegion = 50

const address = z.looseObject({ dsm_endpoint: z.string() })

/**
 * DSM under the upstream host. The access data for management are the fields of a keystore's configuration; the key is
 * the native key id. Without another `auth_method` the host's own certificate logs in.
 */
export const upstreamHooks: UpstreamKeystoreHooksV1 = {
  keystoreConfiguration: ({ authType: _, clientCert, privateKey, ...management }, nativeKeyId) => {
    const byCertificate = isByCertificate(management)
    const certificate = byCertificate && clientCert !== undefined && privateKey !== undefined
    return {
      auth_method: "client_certificate",
      ...management,
      ...(certificate ? { client_certificate: clientCert, client_key: privateKey } : {}),
      ...(nativeKeyId === "" ? {} : { key_name: nativeKeyId }),
    }
  },

  validateKey({ algorithm }) {
    if (algorithm === "AES256") return
    throw pluginError("INVALID_REQUEST", "DSM serves AES-256 keys here.", "Use the algorithm AES256.")
  },

  validateKeyAccessData(management) {
    // The host adds certificate and key later, and the key is named by the native key id.
    const later = isByCertificate(management) ? { client_certificate_path: "later", client_key_path: "later" } : {}
    const complete = { auth_method: "client_certificate", ...later, key_name: "any", ...management }
    const parsed = parseConfiguration(keystoreConfiguration, complete)
    if (!parsed.ok) throw configurationError(parsed.issues)
  },

  transformCryptoAccessData: (nativeKeyId, crypto) =>
    new Map(
      Object.entries(crypto).map(([region, data]) => [
        region,
        new TextEncoder().encode(JSON.stringify({ keyName: nativeKeyId, ...asObject(data) })),
      ]),
    ),

  extractKeyRegion: (_nativeKeyId, management) =>
    new URL(requireConfiguration(address, management).dsm_endpoint).hostname.slice(0, longestRegion),
}

function isByCertificate({ auth_method: method = "client_certificate" }: JsonObject): boolean {
  return method === "client_certificate"
}

function asObject(value: JsonValue): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : { data: value }
}
