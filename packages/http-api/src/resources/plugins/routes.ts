import type { PluginDescription } from "@apeiro-cmk/host-runtime"
import type { KeystoreManifest, PluginManifest } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { document } from "../http/answer.ts"
import { defineRoute, none } from "../http/route.ts"
import { jsonValue } from "../schemas/common.ts"

const jsonSchema = z
  .record(z.string(), jsonValue)
  .meta({ description: "JSON Schema, draft 7; `writeOnly` marks a secret" })

const pluginAnswer = z
  .strictObject({
    name: z.string().meta({ description: "Its name in the profile" }),
    kind: z.string(),
    state: z.enum(["loaded", "starting", "running", "stopping", "stopped", "failed"]),
    tags: z.array(z.string()),
    package: z.string().optional(),
    version: z.string().optional(),
    error: z.strictObject({ code: z.string(), message: z.string(), next_step: z.string() }).optional(),
    plugin_type: z.string().optional(),
    display_name: z.string().optional(),
    description: z.string().optional(),
    contract: z.string().optional(),
    plugin_configuration_schema: jsonSchema.optional(),
    capabilities: z.array(z.string()).optional(),
    unsupported: z.record(z.string(), z.string()).optional(),
    keystore_configuration_schema: jsonSchema.optional(),
    identity_fields: z.array(z.string()).optional(),
    activation_facts: z.record(z.string(), z.string()).optional(),
    production_ready: z.boolean().optional(),
  })
  .meta({ id: "Plugin" })

const pluginList = z.strictObject({ plugins: z.array(pluginAnswer) }).meta({ id: "PluginList" })

type PluginAnswer = z.input<typeof pluginAnswer>

function pluginAnswerOf(plugin: PluginDescription): PluginAnswer {
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

/** The catalog: each plugin of the profile, its manifest and its state. */
export const listPlugins = defineRoute({
  method: "get",
  path: "/v1/plugins",
  summary: "List the plugins with their state and manifests",
  permission: "catalog.read",
  params: none,
  query: none,
  body: none,
  response: { status: 200, description: "The plugins, in the order of the profile", schema: pluginList },
  problems: [],
  handler: async ({ services }) => document({ plugins: services.catalog.describePlugins().map(pluginAnswerOf) }),
})
