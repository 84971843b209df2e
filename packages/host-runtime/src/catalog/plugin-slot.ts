import type { AnyPluginDefinition, Plugin, PluginServices } from "@apeiro-cmk/plugin-interface"
import type { HostRuntimeError } from "../errors.ts"
import type { AcceptedConfiguration } from "../load/plugin-configuration.ts"
import type { PluginEntry } from "../profile/profile.ts"
import type { Redact } from "../load/redaction.ts"

/**
 * Where a plugin is in its life.
 *
 * - `loaded` - imported and its configuration accepted; not started yet
 * - `running` - started: the only state in which it is used
 * - `failed` - not loaded, not started or not stopped in order: `error` says why
 */
export type PluginState = "loaded" | "starting" | "running" | "stopping" | "stopped" | "failed"

/** A plugin that could be loaded, ready to be made. */
interface ReadyPlugin {
  readonly definition: AnyPluginDefinition
  readonly configuration: AcceptedConfiguration | undefined
  readonly services: PluginServices
}

/** What the host knows about one entry of the profile. Only this package changes it. */
export interface PluginSlot {
  readonly entry: PluginEntry
  state: PluginState
  version?: string
  definition?: AnyPluginDefinition
  ready?: ReadyPlugin
  instance?: Plugin
  error?: HostRuntimeError
  /** Takes the values of this plugin's references out of a text. */
  redact: Redact
}
