import type { JsonValue, UpstreamKeystoreHooksV1 } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { pluginError } from "../errors/error-facts.ts"
import { configurationError, parseConfiguration, requireConfiguration } from "./configuration.ts"

type JsonObject = Readonly<Record<string, JsonValue>>

/** Facts about a plugin for {@link configurationHooks}. */
export interface ConfigurationHooks {
  /** Name of the keystore, for messages. */
  readonly keystoreName: string
  readonly keystoreConfiguration: z.ZodType
  /** Field that names the key. Default `key_name`. */
  readonly keyField?: string
  /** Field with the server's URL, whose host name is the region. Default: none, and the plugin states the region itself. */
  readonly addressField?: string
  /**
   * Value of `auth_method` by which the host's own certificate logs in: the default there. Default: there is no
   * `auth_method`, and that certificate is not used.
   */
  readonly certificateMethod?: string
}

/** Longest region that the upstream host stores, in characters. */
const longestRegion = 50

/**
 * Makes the hooks of a keystore whose access data for management, under the upstream host, are the fields of its
 * configuration: the native key id names the key, and without another `auth_method` the host's own certificate logs in
 * (`client_certificate`, `client_key`).
 */
export function configurationHooks(hooks: ConfigurationHooks): UpstreamKeystoreHooksV1 {
  const { keystoreName, keystoreConfiguration, keyField = "key_name", addressField, certificateMethod } = hooks
  const method = certificateMethod === undefined ? {} : { auth_method: certificateMethod }
  const isByCertificate = ({ auth_method = certificateMethod }: JsonObject) =>
    certificateMethod !== undefined && auth_method === certificateMethod
  return {
    keystoreConfiguration: ({ authType: _, clientCert, privateKey, ...management }, nativeKeyId) => {
      const certificate = isByCertificate(management) && clientCert !== undefined && privateKey !== undefined
      return {
        ...method,
        ...management,
        ...(certificate ? { client_certificate: clientCert, client_key: privateKey } : {}),
        ...(nativeKeyId === "" ? {} : { [keyField]: nativeKeyId }),
      }
    },

    validateKey({ algorithm }) {
      if (algorithm === "AES256") return
      const message = `${keystoreName} serves AES-256 keys here.`
      throw pluginError("INVALID_REQUEST", message, "Use the algorithm AES256.")
    },

    validateKeyAccessData(management) {
      // The host adds certificate and key later, and the key is named by the native key id.
      const later = isByCertificate(management) ? { client_certificate_path: "later", client_key_path: "later" } : {}
      const complete = { ...method, ...later, [keyField]: "any", ...management }
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

    extractKeyRegion(_nativeKeyId, management) {
      if (addressField === undefined) return ""
      const address = z.looseObject({ [addressField]: z.string() })
      const given = requireConfiguration(address, management)[addressField]
      return new URL(String(given)).hostname.slice(0, longestRegion)
    },
  }
}

function asObject(value: JsonValue): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : { data: value }
}
