import type { JsonSchema } from "./json.ts"

/**
 * Facts that every manifest states: frozen plain data that survives `structuredClone`, is readable before any vendor SDK is
 * loaded, and is the same before start and after stop.
 */
export interface PluginManifestBase<Kind extends string, Capability extends string> {
  readonly kind: Kind
  /** The contract that the plugin implements: its kind and the major version of this interface. */
  readonly contract: `${Kind}/v1`
  /** Name of the plugin: lower-case letters, digits and dashes, e.g. `openbao`. Same as in package.json. */
  readonly name: string
  /** Name shown to people, e.g. `OpenBao (Vault-Compatible)`. */
  readonly displayName: string
  /** One sentence: what it connects. */
  readonly description: string
  /** Abilities beyond those that every plugin of the kind has. */
  readonly capabilities: readonly Capability[]
  /** A reason for each capability that it lacks; such a call rejects with `UNSUPPORTED`. */
  readonly unsupported: Readonly<Partial<Record<Capability, string>>>
  /** JSON Schema of the plugin configuration, which the operator writes once per loaded plugin. */
  readonly pluginConfigurationSchema: JsonSchema
}
