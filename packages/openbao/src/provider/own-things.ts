import type { PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { ProvidedPlace } from "./place.ts"
import type { MountKind, PlatformServer } from "./platform-server.ts"

/** Makes the namespace, unless it is there; one of somebody else is left alone. */
export async function ensureNamespace(server: PlatformServer, name: string, mark: string): Promise<void> {
  const found = await server.namespaceMark(name)
  if (found === undefined) await server.createNamespace(name, mark)
  else if (found !== mark) throw notOurs(`namespace ${name}`)
}

/** Mounts an engine or a method of authentication, unless it is there; one of somebody else is left alone. */
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
    // Another call for the same keystore may have been quicker.
    if (!(await isThere())) throw error
  }
}

/** Something else has the name: it is not taken over, and not removed. */
export function notOurs(what: string): PluginError {
  return pluginError(
    "KEY_UNSUITABLE",
    `The ${what} on the platform's OpenBao was made by somebody else.`,
    "Look at what it is, and move it away or set another name_prefix in the platform section of the profile.",
  )
}
