import type { Plugin, PluginDefinition, PluginKind, PluginServices } from "@apeiro-cmk/plugin-interface"
import type { HostRuntimeError } from "../errors.ts"
import type { Redact } from "../load/redaction.ts"
import type { PluginEntry } from "../profile/profile.ts"

/**
 * State of a plugin.
 *
 * - `loaded` - imported and its configuration accepted; not started yet
 * - `running` - started: the only state in which it is used
 * - `failed` - not loaded, not started or not stopped as it should be: `error` says why
 */
export type PluginState = "loaded" | "starting" | "running" | "stopping" | "stopped" | "failed"

/** A plugin that runs. */
export interface RunningPlugin<Kind extends PluginKind> {
  /** From the profile. */
  readonly name: string
  readonly definition: PluginDefinition<Kind>
  readonly instance: Plugin<Kind>
}

/** A plugin that was loaded, with all that `create` takes. */
interface ReadyPlugin<Kind extends PluginKind> {
  readonly definition: PluginDefinition<Kind>
  /** Of the plugin's own type: only its `create` may have it. */
  readonly configuration: unknown
  readonly services: PluginServices
}

/** All that the host knows about one entry of the profile. Only this package changes it. */
export class PluginSlot<Kind extends PluginKind = PluginKind> {
  readonly entry: PluginEntry<Kind>
  state: PluginState = "failed"
  version?: string
  /** Present once the module or executable could be read, also when its configuration is refused. */
  definition?: PluginDefinition<Kind>
  ready?: ReadyPlugin<Kind>
  instance?: Plugin<Kind>
  error?: HostRuntimeError
  /** Takes the values of this plugin's references out of a text. */
  redact: Redact = (text) => text

  constructor(entry: PluginEntry<Kind>) {
    this.entry = entry
  }

  /** The plugin, while it runs. */
  get running(): RunningPlugin<Kind> | undefined {
    const { state, entry, definition, instance } = this
    if (state !== "running" || definition === undefined || instance === undefined) return undefined
    return { name: entry.name, definition, instance }
  }
}

/** Tells whether a slot is of a kind: what was loaded into it was checked against the kind of its entry. */
export function isSlotOf<Kind extends PluginKind>(slot: PluginSlot, kind: Kind): slot is PluginSlot<Kind> {
  return slot.entry.kind === kind
}
