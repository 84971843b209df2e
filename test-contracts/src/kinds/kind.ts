import type { PluginDefinition, PluginKind } from "@apeiro-cmk/plugin-interface"
import type { BoundGroup } from "../bound-case.ts"

/** Options that the contract of every kind has. */
export interface CommonOptions<Kind extends PluginKind> {
  readonly plugin: PluginDefinition<Kind>
}

/** The contract of one kind of plugin: a row of the table of kinds. */
export interface ContractKind<Options> {
  /** Returns the cases that the plugin's manifest chooses. */
  groups(options: Options): readonly BoundGroup[]
}
