import type { PluginDescription } from "@apeiro-cmk/host-runtime"
import type { KeystoreManifest, PluginManifest } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import type { pluginAnswer } from "./schemas.ts"

type PluginAnswer = z.input<typeof pluginAnswer>

/** Writes a plugin as the API shows it. */
export function pluginAnswerOf(plugin: PluginDescription): PluginAnswer {
  const { error, manifest } = plugin
  return {
    name: plugin.name,
    kind: plugin.type,
    state: plugin.state,
    tags: [...plugin.tags],
    ...(plugin.package === undefined ? {} : { package: plugin.package }),
    ...(plugin.version === undefined ? {} : { version: plugin.version }),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message, next_step: error.nextStep } }),
    ...(manifest === undefined ? {} : manifestAnswerOf(manifest)),
  }
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
