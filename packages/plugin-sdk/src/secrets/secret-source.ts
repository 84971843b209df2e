import type { CallOptions, FileDestination, PluginError, TenantFiles } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "../errors/error-facts.ts"
import { fileError } from "../files/tenant-path.ts"

/** Reads a credential at the time of a login, so that a rotated one takes effect. The client fills the bytes with zeros. */
export type SecretSource = (call: Pick<CallOptions, "tenantId" | "signal">) => Promise<Uint8Array>

/**
 * Makes the source of a credential in a file of the tenant's folder.
 *
 * @param field - names the file, for errors
 * @param destination - every server to which the credential may be sent
 */
export function fileSecret(
  files: TenantFiles,
  path: string,
  field: string,
  destination: FileDestination,
): SecretSource {
  return (call) =>
    files.read(path, call, destination).catch((error: unknown) => {
      throw fileError(error, field)
    })
}

/** Reads a credential that is one line of text. @throws {PluginError} INVALID_REQUEST - it is empty or not such text */
export async function readText(
  source: SecretSource,
  name: string,
  call: Pick<CallOptions, "tenantId" | "signal">,
): Promise<string> {
  const bytes = await source(call)
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").trim()
    if (text === "" || /\p{C}/u.test(text)) throw unusable(name)
    return text
  } finally {
    bytes.fill(0)
  }
}

/** Makes the error of a credential with an impossible value. */
export function unusable(name: string): PluginError {
  return pluginError("INVALID_REQUEST", `The ${name} is empty or has invalid characters.`, `Store the ${name} again.`)
}

/** Tells whether a text can be the value of a header, as a token must: printable ASCII without spaces. */
export function isHeaderValue(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value)
}
