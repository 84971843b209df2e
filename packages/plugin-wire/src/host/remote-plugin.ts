import type { PluginKind } from "@apeiro-cmk/plugin-interface"
import type { RemotePlugin } from "../kinds/kind.ts"
import { wireKinds } from "../kinds/table.ts"

/** The names by which a process is asked for a plugin of a kind. */
export interface WirePluginType {
  /** Upstream's spelling of the type; also the magic cookie. */
  readonly type: string
  /** Full name of the service that the process must serve. */
  readonly serviceName: string
}

/** Returns upstream's names for a kind of plugin. */
export function wirePluginType(kind: PluginKind): WirePluginType {
  const { types, serviceName } = wireKinds[kind]
  return { type: types[0], serviceName }
}

/**
 * Loads the function that makes a plugin in a supervised process look like one in this process, by our own services.
 *
 * @param kind - kind of the plugin, as its manifest states it
 */
export async function loadRemotePlugin<Kind extends PluginKind>(kind: Kind): Promise<RemotePlugin<Kind>> {
  return wireKinds[kind].loadHost()
}
