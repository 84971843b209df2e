import type { CallOptions, PluginServices } from "@apeiro-cmk/plugin-interface"
import { configurationError, fileSecret, pluginError, readText, type SecretSource } from "@apeiro-cmk/plugin-sdk"
import type { KeystoreConfiguration } from "../config.ts"

/** An app's way to authenticate at a login. */
export interface DsmLogin {
  readonly method: KeystoreConfiguration["auth_method"]
  /** Returns the Authorization header for `POST /sys/v1/session/auth`, from the credential as it is now. */
  authorization(call: CallOptions): Promise<string>
}

/** Services that a login needs in addition to the configuration. */
export interface LoginSurroundings {
  readonly files: PluginServices["files"]
  readonly allowedEndpoints: readonly string[]
  /** Reads the client certificate again. */
  readonly fingerprint: () => Promise<string>
}

/** Returns the login of a configuration that has passed the rules between its fields. */
export function loginOf(configuration: KeystoreConfiguration, surroundings: LoginSurroundings): DsmLogin {
  const { auth_method: method, app_uuid: appId } = configuration
  const { fingerprint } = surroundings
  const source = (field: "api_key" | "jwt") => sourceOf(configuration, field, surroundings)
  switch (method) {
    case "api_key": {
      const read = source("api_key")
      return { method, authorization: async (call) => basicOfApiKey(appId, await readText(read, "API key", call)) }
    }
    case "signed_jwt": {
      const read = source("jwt")
      return { method, authorization: async (call) => basic(appId, await readText(read, "token", call)) }
    }
    case "client_certificate":
      return {
        method,
        async authorization() {
          await fingerprint()
          return basic(appId, "")
        },
      }
  }
}

function sourceOf(
  configuration: KeystoreConfiguration,
  field: "api_key" | "jwt",
  { files, allowedEndpoints }: LoginSurroundings,
): SecretSource {
  const { [field]: secret, dsm_endpoint } = configuration
  const path = configuration[`${field}_path`]
  if (secret !== undefined) return (call) => secret.read(call.signal)
  if (path === undefined) throw configurationError([{ path: [field], message: "is missing" }])
  return fileSecret(files, path, `${field}_path`, { servers: [dsm_endpoint], allowedEndpoints })
}

const apiKeyForm = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}):.+$/i

/** DSM shows an API key as the base64 of `APP_UUID:SECRET`; the secret alone is accepted as well. */
function basicOfApiKey(appId: string, apiKey: string): string {
  const statedApp = apiKeyForm.exec(Buffer.from(apiKey, "base64").toString("utf8"))?.[1]
  if (statedApp === undefined) return basic(appId, apiKey)
  if (statedApp.toLowerCase() === appId.toLowerCase()) return `Basic ${apiKey}`
  throw pluginError(
    "INVALID_REQUEST",
    "The API key belongs to another app than the one in app_uuid.",
    "Store the API key of that app, or correct app_uuid.",
  )
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`
}
