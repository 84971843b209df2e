import type { PluginServices } from "@apeiro-cmk/plugin-interface"
import type { Server } from "@grpc/grpc-js"
import type { ConfiguredPlugin } from "./configured-plugin.ts"

/** What the services of a kind are added to. */
export interface ServeContext<Plugin> {
  readonly server: Server
  readonly plugin: ConfiguredPlugin<Plugin>
  readonly services: PluginServices
  /** The type that the host asked for, one of the kind's. */
  readonly type: string
}

/** What has been added. */
export interface ServedServices {
  /** Full name of the one service that the host asked for by the type. */
  readonly serviceName: string
  /** Gives back what calls have left open. */
  close(): Promise<void>
}

/** A kind of plugin as a process serves it: upstream's service, and ours for what that one lacks. */
export interface ServedKind<Plugin> {
  /** Every spelling under which a host may ask for it. */
  readonly types: readonly string[]
  /** Members that the upstream host writes into the configuration itself. Default: none. */
  readonly hostMembers?: readonly string[]
  addServices(context: ServeContext<Plugin>): ServedServices
}
