import type {
  ConfiguredOncePlugin,
  Plugin,
  PluginDefinition,
  PluginKind,
  PluginManifest,
  PluginTypes,
} from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import type { PluginProcess } from "../load/plugin-process.ts"

/** How many plugins of a kind one profile may load. */
export interface Cardinality<Kind extends PluginKind> {
  /** Tells the operator what to do when a profile has none; absent where a profile needs none. */
  readonly required?: { readonly nextStep: string }
  /** The fact that distinguishes several plugins of the kind; absent where a profile takes at most one. */
  readonly distinctBy?: { readonly name: string; of(manifest: PluginManifest<Kind>): string }
}

/** How an administrator tests and prepares the backends of a kind. */
export type Administration<Kind extends PluginKind> =
  | {
      /** The operator configures the plugin once, in the profile. */
      readonly by: "operator"
      of(plugin: Plugin<Kind>): ConfiguredOncePlugin
    }
  | {
      /** Each tenant has its own configurations. */
      readonly by: "tenant"
      readonly testInstead: string
      readonly setupMaterialInstead: string
    }

/** One kind of plugin, as this host loads and runs it: a row of the table of kinds. */
export interface HostKind<Kind extends PluginKind> {
  readonly cardinality: Cardinality<Kind>
  /** Major versions of the contract, and of the wire service that goes with it, that this host serves. */
  readonly versions: readonly number[]
  /** Members of the manifest that the host relies on, in addition to those of every manifest. */
  readonly manifestMembers: z.ZodRawShape
  /** Names of the configuration parsers that a definition must have, in addition to `plugin`. */
  readonly parsers: readonly (keyof PluginTypes[Kind]["configuration"] & string)[]
  /** Makes these parsers from the schemas of a manifest, for a plugin whose own parsers run in another process. */
  parsersFrom(manifest: PluginManifest<Kind>): PluginTypes[Kind]["configuration"]
  /** Tells whether the plugin may run under `mode: production`. */
  isProductionReady(manifest: PluginManifest<Kind>): boolean
  readonly administration: Administration<Kind>
  /** Makes the definition of an executable that serves the upstream service alone; absent where the host cannot use one. */
  upstreamOnly?(process: PluginProcess, yamlConfiguration: string): PluginDefinition<Kind>
}
