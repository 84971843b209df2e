import type {
  ConfigurationParser,
  JsonSchema,
  KeystoreManifest,
  KeystorePluginDefinitionV1,
  KeystorePluginV1,
  OtherManifest,
  OtherPluginDefinitionV1,
  PluginDefinitionV1,
  PluginInstances,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { parseConfiguration } from "./configuration.ts"
import { configurationJsonSchema } from "./configuration-schema.ts"
import { pluginError } from "./error-facts.ts"
import { requireSoundManifest } from "./manifest-rules.ts"

type SchemaFields = "pluginConfigurationSchema" | "keystoreConfigurationSchema"

/** What a keystore plugin gives to {@link definePlugin}. */
export interface KeystorePluginSource<PluginSchema extends z.ZodType, KeystoreSchema extends z.ZodType> {
  /** Without the two configuration schemas: they come from `configuration`. */
  readonly manifest: Omit<KeystoreManifest, SchemaFields>
  readonly configuration: {
    /** Once per loaded plugin, by the operator. */
    readonly plugin: PluginSchema
    /** Once per keystore, by a tenant's administrator: hostile. Secrets are {@link secret} fields on the top level. */
    readonly keystore: KeystoreSchema
  }
  /** Touches no network and no file. */
  create(configuration: z.output<PluginSchema>, services: PluginServices): KeystorePluginV1
}

/** What a plugin of another kind gives to {@link definePlugin}. */
export interface OtherPluginSource<Kind extends OtherManifest["kind"], PluginSchema extends z.ZodType> {
  readonly manifest: Omit<OtherManifest, SchemaFields | "kind" | "contract"> & {
    readonly kind: Kind
    readonly contract: `${Kind}/v1`
  }
  readonly configuration: { readonly plugin: PluginSchema }
  /** Touches no network and no file. */
  create(configuration: z.output<PluginSchema>, services: PluginServices): PluginInstances[Kind]
}

/**
 * Makes the value that a plugin package exports as `plugin`: the manifest with the JSON Schemas of both configurations,
 * frozen as plain data, the two parsers, and `create`.
 *
 * @throws {PluginError} INTERNAL - the manifest or a schema breaks a rule of the interface; `issues` has every fault
 */
export function definePlugin<PluginSchema extends z.ZodType, KeystoreSchema extends z.ZodType>(
  source: KeystorePluginSource<PluginSchema, KeystoreSchema>,
): KeystorePluginDefinitionV1<z.output<PluginSchema>>
export function definePlugin<Kind extends OtherManifest["kind"], PluginSchema extends z.ZodType>(
  source: OtherPluginSource<Kind, PluginSchema>,
): OtherPluginDefinitionV1<z.output<PluginSchema>>
export function definePlugin(source: AnySource): PluginDefinitionV1 {
  const pluginConfigurationSchema = jsonSchemaOf(source.configuration.plugin)
  const plugin = parserOf(source.configuration.plugin)
  if (isKeystoreSource(source)) {
    const keystoreConfigurationSchema = jsonSchemaOf(source.configuration.keystore)
    const manifest = plainManifest({ ...source.manifest, pluginConfigurationSchema, keystoreConfigurationSchema })
    const configuration = Object.freeze({ plugin, keystore: parserOf(source.configuration.keystore) })
    return Object.freeze({ manifest, configuration, create: source.create.bind(source) })
  }
  const manifest = plainManifest<OtherManifest>({ ...source.manifest, pluginConfigurationSchema })
  return Object.freeze({ manifest, configuration: Object.freeze({ plugin }), create: source.create.bind(source) })
}

type AnySource = KeystorePluginSource<z.ZodType, z.ZodType> | OtherPluginSource<OtherManifest["kind"], z.ZodType>

function isKeystoreSource(source: AnySource): source is KeystorePluginSource<z.ZodType, z.ZodType> {
  return source.manifest.kind === "keystore"
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

function plainManifest<Manifest extends KeystoreManifest | OtherManifest>(manifest: Manifest): Manifest {
  requireSoundManifest(manifest)
  return deepFreeze(structuredClone(manifest))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
