import type { PluginDescription } from "@apeiro-cmk/host-runtime"
import type { KeystoreManifest, PluginManifest } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import type { pluginAnswer } from "./schemas.ts"

type PluginFailure = NonNullable<PluginDescription["error"]>
type PluginAnswer = z.input<typeof pluginAnswer>

/**
 * Writes a plugin as the API shows it.
 * @param showsErrors - whether the caller may read what is wrong with the operator's installation
 */
export function pluginAnswerOf(plugin: PluginDescription, showsErrors: boolean): PluginAnswer {
  const { error, manifest } = plugin
  return {
    name: plugin.name,
    kind: plugin.type,
    state: plugin.state,
    tags: [...plugin.tags],
    ...(plugin.package === undefined ? {} : { package: plugin.package }),
    ...(plugin.version === undefined ? {} : { version: plugin.version }),
    ...(error === undefined ? {} : { error: errorAnswerOf(error, showsErrors) }),
    ...(manifest === undefined ? {} : manifestAnswerOf(manifest)),
  }
}

function errorAnswerOf(error: PluginFailure, showsErrors: boolean): PluginAnswer["error"] {
  const { code, message, nextStep } = error
  if (showsErrors) return { code, message, next_step: nextStep }
  return { code, message: "The plugin does not run.", next_step: "Ask the operator of the host." }
}

function manifestAnswerOf(manifest: PluginManifest): Partial<PluginAnswer> {
  return {
    display_name: manifest.displayName,
    description: manifest.description,
    contract: manifest.contract,
    plugin_configuration_schema: manifest.pluginConfigurationSchema,
    capabilities: [...manifest.capabilities],
    unsupported: { ...manifest.unsupported },
    ...(manifest.kind === "keystore" ? keystoreManifestAnswerOf(manifest) : {}),
  }
}

function keystoreManifestAnswerOf(manifest: KeystoreManifest): Partial<PluginAnswer> {
  const facts = Object.entries(manifest.activationFacts).map(([name, fact]) => [name, fact.description] as const)
  return {
    plugin_type: manifest.pluginType,
    keystore_configuration_schema: manifest.keystoreConfigurationSchema,
    identity_fields: [...manifest.identityFields],
    activation_facts: Object.fromEntries(facts),
    production_ready: manifest.productionReady,
  }
}
