import type { TenantFiles } from "@apeiro-cmk/plugin-interface"
import { configurationError, fileSecret, readText, type SecretSource } from "@apeiro-cmk/plugin-sdk"
import type { KeystoreConfiguration } from "../config.ts"
import type { LunaClientFiles } from "./luna-client.ts"

/** Returns the source of the PIN, which is read at each login: a file may hold another PIN by then. */
export function pinSource({ pin, pin_path: path }: KeystoreConfiguration, files: TenantFiles): SecretSource {
  if (pin !== undefined) return ({ signal }) => pin.read(signal)
  if (path === undefined) throw configurationError([{ path: ["pin"], message: "is missing" }])
  const inFile = fileSecret(files, path, "pin_path")
  return async (call) => Buffer.from(await readText(inFile, "PIN", call))
}

/** Returns the paths of the tenant's client files, where the configuration names all three. */
export function clientFilesOf(
  configuration: {
    readonly [field in keyof LunaClientFiles]?: string | undefined
  },
): LunaClientFiles | undefined {
  const { client_certificate, client_private_key, ca_certificate } = configuration
  if (client_certificate === undefined || client_private_key === undefined || ca_certificate === undefined)
    return undefined
  return { client_certificate, client_private_key, ca_certificate }
}
