import * as z from "zod"
import { jsonValue } from "../../fields.ts"

const jsonSchema = z
  .record(z.string(), jsonValue)
  .meta({ description: "JSON Schema, draft 7; `writeOnly` marks a secret" })

/** A plugin of the profile: its manifest and its state. */
export const pluginAnswer = z
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

/** All plugins of the profile. */
export const pluginList = z.strictObject({ plugins: z.array(pluginAnswer) }).meta({ id: "PluginList" })

/** Name of a plugin. */
export const pluginName = z
  .string()
  .min(1)
  .max(50)
  .meta({ description: "Name of the plugin in the profile", examples: ["identity"] })

/** Path parameters of everything that belongs to a plugin. */
export const pluginParameters = z.strictObject({ name: pluginName })
