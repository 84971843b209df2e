import type { EgressPolicy, FileDestination, TenantFiles } from "@apeiro-cmk/plugin-interface"
import {
  configurationError,
  egressRules,
  fileSecret,
  readText,
  type SecretSource,
  unusable,
} from "@apeiro-cmk/plugin-sdk"
import type { KeystoreConfiguration } from "../config.ts"
import type { LunaClientFiles } from "./luna-client.ts"

/**
 * Returns the source of the PIN, which is read at each login: a file may hold another PIN by then.
 *
 * @param destination - the appliances, where it is the tenant who says which ones the library connects to
 */
export function pinSource(
  { pin, pin_path: path }: KeystoreConfiguration,
  files: TenantFiles,
  destination: FileDestination,
): SecretSource {
  if (pin !== undefined) return (call) => readPin(({ signal }) => pin.read(signal), call)
  if (path === undefined) throw configurationError([{ path: ["pin"], message: "is missing" }])
  const inFile = fileSecret(files, path, "pin_path", destination)
  return async (call) => Buffer.from(await readText(inFile, "PIN", call))
}

/** A PIN that was stored before line ends were refused must not cost an attempt. */
async function readPin(source: SecretSource, call: Parameters<SecretSource>[0]): Promise<Uint8Array> {
  const pin = await source(call)
  if (!pin.some((byte) => byte < 0x20 || byte === 0x7f)) return pin
  pin.fill(0)
  throw unusable("PIN")
}

/**
 * Returns the paths of the tenant's client files.
 * @throws {PluginError} INVALID_REQUEST - they are missing: the library would fall back to the machine's own identity
 */
export function clientFilesOf(
  configuration: {
    readonly [field in keyof LunaClientFiles]?: string | undefined
  },
): LunaClientFiles {
  const { client_certificate, client_private_key, ca_certificate } = configuration
  if (client_certificate !== undefined && client_private_key !== undefined && ca_certificate !== undefined)
    return { client_certificate, client_private_key, ca_certificate }
  const message = "is missing: this module connects with the tenant's own client_certificate, key and ca_certificate"
  throw configurationError([{ path: ["client_certificate"], message }])
}

/**
 * Checks that the library may connect to the appliances.
 * @throws {PluginError} INVALID_REQUEST - `issues` names each address that the operator does not allow
 */
export function requireAllowedAppliances(
  addresses: readonly string[],
  egress: Pick<EgressPolicy, "allowedAddresses">,
): void {
  const isAllowed = egressRules(egress)
  const message = "is not allowed: use another address, or have the operator add it to the plugin's allowedAddresses"
  const issues = addresses.flatMap((address, index) =>
    isAllowed(address) ? [] : [{ path: ["hsm_ip_addresses", index], message }],
  )
  if (issues.length > 0) throw configurationError(issues)
}
