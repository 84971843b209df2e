import type {
  ConfigurationParser,
  JsonSchema,
  KeystoreManifest,
  Plugin,
  PluginDefinition,
  PluginKind,
  PluginManifest,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { parseConfiguration } from "../configuration/configuration.ts"
import { configurationJsonSchema } from "../configuration/configuration-schema.ts"
import { pluginError } from "../errors/error-facts.ts"
import { requireSoundManifest } from "./manifest-rules.ts"

/** A plugin of any kind other than keystores, as {@link definePlugin} takes it. */
export interface PluginSource<Kind extends PluginKind, PluginSchema extends z.ZodType> {
  /** Without the configuration schema: it comes from `configuration`. */
  readonly manifest: Omit<PluginManifest<Kind>, "pluginConfigurationSchema" | "kind"> & { readonly kind: Kind }
  readonly configuration: {
    /** Once per loaded plugin, by the operator. */
    readonly plugin: PluginSchema
  }
  /** Touches no network and no file. */
  create(configuration: z.output<PluginSchema>, services: PluginServices<Kind>): Plugin<Kind>
}

/** A keystore plugin, as {@link definePlugin} takes it. */
export interface KeystorePluginSource<PluginSchema extends z.ZodType, KeystoreSchema extends z.ZodType>
  extends Omit<PluginSource<"keystore", PluginSchema>, "manifest" | "configuration"> {
  /** Without the two configuration schemas: they come from `configuration`. */
  readonly manifest: Omit<KeystoreManifest, "pluginConfigurationSchema" | "keystoreConfigurationSchema">
  readonly configuration: {
    /** Once per loaded plugin, by the operator. */
    readonly plugin: PluginSchema
    /** Once per keystore, by a tenant's administrator: hostile input. Secrets are {@link secret} fields on the top level. */
    readonly keystore: KeystoreSchema
  }
}

/**
 * Makes the value that a plugin package exports as `plugin`: the manifest with the JSON Schema of each configuration,
 * frozen as plain data, the parsers, and `create`.
 *
 * @throws {PluginError} INTERNAL - the manifest or a schema breaks a rule of the interface; `issues` has every fault
 */
export function definePlugin<PluginSchema extends z.ZodType, KeystoreSchema extends z.ZodType>(
  source: KeystorePluginSource<PluginSchema, KeystoreSchema>,
): PluginDefinition<"keystore", z.output<PluginSchema>>
export function definePlugin<Kind extends Exclude<PluginKind, "keystore">, PluginSchema extends z.ZodType>(
  source: PluginSource<Kind, PluginSchema>,
): PluginDefinition<Kind, z.output<PluginSchema>>
export function definePlugin(source: AnySource): object {
  const schemas = Object.entries<z.ZodType>(source.configuration)
  const written = schemas.map(([name, schema]) => [`${name}ConfigurationSchema`, jsonSchemaOf(schema)] as const)
  const parsers = schemas.map(([name, schema]) => [name, parserOf(schema)] as const)
  return Object.freeze({
    manifest: soundManifest({ ...source.manifest, ...Object.fromEntries(written) }),
    configuration: Object.freeze(Object.fromEntries(parsers)),
    create: source.create.bind(source),
  })
}

interface AnySource {
  readonly manifest: object
  readonly configuration: Readonly<Record<string, z.ZodType>>
  create(configuration: never, services: never): Plugin
}

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  try {
    return configurationJsonSchema(schema)
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason"
    const message = `A configuration schema cannot be written as JSON Schema: ${reason}`
    throw pluginError("INTERNAL", message, "Use zod types that JSON Schema can express.", { cause: error })
  }
}

function parserOf(schema: z.ZodType): ConfigurationParser<unknown> {
  return Object.freeze({ parse: (input: unknown) => parseConfiguration(schema, input) })
}

/** The overloads of {@link definePlugin} have checked its types. */
function soundManifest(manifest: object): object {
  requireSoundManifest(manifest as PluginManifest)
  return deepFreeze(structuredClone(manifest))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
