import type { PluginServices } from "@apeiro-cmk/plugin-interface"
import type { Server } from "@grpc/grpc-js"
import type { ConfiguredPlugin } from "./configured-plugin.ts"

/** What the services of a kind are added to. */
export interface ServeContext<Plugin> {
  readonly server: Server
  readonly plugin: ConfiguredPlugin<Plugin>
  readonly services: PluginServices
}

/** What has been added. */
export interface ServedServices {
  /** Full name of the one service that the host asked for by the type. */
  readonly serviceName: string
  /** Gives back what calls have left open. */
  close(): Promise<void>
}

/** Adds the services of a kind to a server that does not listen yet. */
export type AddServices<Plugin> = (context: ServeContext<Plugin>) => ServedServices

/** A kind of plugin as a process serves it: upstream's service, and ours for what that one lacks. */
export interface ServedKind<Plugin> {
  /** Every spelling under which a host may ask for it. */
  readonly types: readonly string[]
  /** Members that the upstream host writes into the configuration itself; {@link ConfiguredPlugin.hostMember} has them. */
  readonly hostMembers?: readonly string[]
  /**
   * Loads what adds the services. A process serves one type: the messages of the others would cost it start time and
   * memory. @param type - the one that the host asked for
   */
  loadServices(type: string): Promise<AddServices<Plugin>>
}
