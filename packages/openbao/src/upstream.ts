import type { JsonValue, UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import { configurationError, parseConfiguration, pluginError, requireConfiguration } from "@apeiro-cmk/plugin-sdk"
import { z } from "zod"
import { keystoreConfiguration } from "./config.ts"

type JsonObject = Readonly<Record<string, JsonValue>>

/** Longest region that the upstream host stores, in characters. */
const longestRegion = 50

const address = z.looseObject({ vault_address: z.string() })

/**
 * OpenBao under the upstream host. The access data for management are the fields of a keystore's configuration; the key
 * is the native key id. Without another `auth_method` the host's own certificate logs in (`cert`).
 */
export const upstreamHooks: UpstreamKeystoreHooksV1 = {
  keystoreConfiguration: ({ authType: _, clientCert, privateKey, ...management }, nativeKeyId) => {
    const byCertificate = management.auth_method === undefined || management.auth_method === "cert"
    const certificate = byCertificate && clientCert !== undefined && privateKey !== undefined
    return {
      auth_method: "cert",
      ...management,
      ...(certificate ? { client_certificate: clientCert, client_key: privateKey } : {}),
      ...(nativeKeyId === "" ? {} : { key_name: nativeKeyId }),
    }
  },

  validateKey({ algorithm }) {
    if (algorithm === "AES256") return
    throw pluginError("INVALID_REQUEST", "OpenBao serves AES-256 keys here.", "Use the algorithm AES256.")
  },

  validateKeyAccessData(management) {
    // The host adds certificate and key later, and the key is named by the native key id.
    const { certificate, privateKey } = placeholders(management)
    const complete = { auth_method: "cert", ...certificate, ...privateKey, key_name: "any", ...management }
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
    new URL(requireConfiguration(address, management).vault_address).hostname.slice(0, longestRegion),
}

/** What the host will add by itself, where the access data leave the login to it. */
function placeholders({ auth_method: method = "cert" }: JsonObject) {
  if (method !== "cert") return { certificate: {}, privateKey: {} }
  return { certificate: { client_certificate_path: "later" }, privateKey: { client_key_path: "later" } }
}

function asObject(value: JsonValue): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : { data: value }
}
