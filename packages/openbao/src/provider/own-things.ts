import type { PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { ProvidedPlace } from "./place.ts"
import type { MountKind, PlatformServer } from "./platform-server.ts"

/** Creates the namespace unless it exists. @throws {PluginError} KEY_UNSUITABLE - another owner created it */
export async function ensureNamespace(server: PlatformServer, name: string, mark: string): Promise<void> {
  const found = await server.namespaceMark(name)
  if (found === undefined) await server.createNamespace(name, mark)
  else if (found !== mark) throw notOurs(`namespace ${name}`)
}

/**
 * Mounts an engine or an auth method unless it exists. @throws {PluginError} KEY_UNSUITABLE - another owner mounted it
 */
export async function ensureMount(
  server: PlatformServer,
  { mark }: ProvidedPlace,
  kind: MountKind,
  path: string,
  type: string,
): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    const found = await server.mountAt(kind, path)
    if (found === undefined) return false
    if (found.type !== type || found.description !== mark) throw notOurs(`mount ${path}`)
    return true
  }
  if (await isThere()) return
  try {
    await server.write(`sys/${kind}/${path}`, { type, description: mark })
  } catch (error) {
    // Another call for the same keystore may have been faster.
    if (!(await isThere())) throw error
  }
}

/** Makes the error for something of that name with another owner: it is neither taken over nor removed. */
export function notOurs(what: string): PluginError {
  return pluginError(
    "KEY_UNSUITABLE",
    `The ${what} on the platform's OpenBao was not created by this plugin for this keystore.`,
    "Check what it is; then move it away, or set another name_prefix in the platform section of the profile.",
  )
}
