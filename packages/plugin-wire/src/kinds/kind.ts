import type { Clock, Plugin, PluginKind } from "@apeiro-cmk/plugin-interface"
import type { Server } from "@grpc/grpc-js"
import type { Supervisor } from "../host/supervisor.ts"
import type { ConfiguredPlugin } from "../serve/configured-plugin.ts"

/** The surroundings to which the services of a kind are added. */
export interface ServeContext<Kind extends PluginKind> {
  readonly server: Server
  readonly plugin: ConfiguredPlugin<Kind>
  readonly clock: Clock
}

/** Services of a kind that have been added to a server. */
export interface ServedServices {
  /** Full name of the one service of upstream that the host asked for. */
  readonly serviceName: string
  /** Releases what calls have left open. */
  close(): Promise<void>
}

/** Adds the services of a kind to a server that does not listen yet. */
export type ServeKind<Kind extends PluginKind> = (context: ServeContext<Kind>) => ServedServices

/** Makes a supervised process look like a plugin in this one. */
export type RemotePlugin<Kind extends PluginKind> = (supervisor: Supervisor) => Plugin<Kind>

/**
 * One kind of plugin on the wire, as a row of the table of kinds. Both sides load when they are asked for: a plugin's
 * process serves one type, and the messages of all others, and the host's side, would cost it start time and memory.
 */
export interface WireKind<Kind extends PluginKind> {
  /** Every spelling of upstream's type under which a host may ask for the kind. Our host uses the first. */
  readonly types: readonly [string, ...(readonly string[])]
  /** Full name of upstream's service of the first type. */
  readonly serviceName: string
  /** Members that the upstream host itself writes into the configuration. Default: none. */
  readonly hostMembers?: readonly string[]
  /** Loads the plugin's side. @param type - the spelling that the host asked for */
  loadServe(type: string): Promise<ServeKind<Kind>>
  /** Loads our host's side. */
  loadHost(): Promise<RemotePlugin<Kind>>
}
