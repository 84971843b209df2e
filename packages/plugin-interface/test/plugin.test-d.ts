import { expectTypeOf } from "vitest"
import type {
  ConfigurationParser,
  JsonValue,
  KeystoreManifest,
  KeystorePluginDefinitionV1,
  KeystorePluginV1,
  NotificationV1,
  OtherManifest,
  OtherPluginDefinitionV1,
  PluginContract,
  PluginDefinitionV1,
  PluginInstances,
  PluginKind,
  PluginLifecycle,
  PluginManifest,
  PluginServices,
} from "../src/index.ts"

// Five kinds, each with its contract and its instance, which has a life cycle.
expectTypeOf<PluginKind>().toEqualTypeOf<
  "keystore" | "identity" | "certificate-issuer" | "system-information" | "notification"
>()
expectTypeOf<keyof PluginInstances>().toEqualTypeOf<PluginKind>()
expectTypeOf<PluginContract>().toEqualTypeOf<`${PluginKind}/v1`>()
expectTypeOf<PluginInstances[PluginKind]>().toExtend<PluginLifecycle>()
expectTypeOf<PluginInstances["notification"]>().toExtend<NotificationV1>()

// The kind tells the manifests apart.
export function pluginTypeOf(manifest: PluginManifest): string | undefined {
  if (manifest.kind !== "keystore") {
    expectTypeOf(manifest).toEqualTypeOf<OtherManifest>()
    return undefined
  }
  expectTypeOf(manifest).toEqualTypeOf<KeystoreManifest>()
  return manifest.pluginType
}

// A manifest is plain data.
expectTypeOf<KeystoreManifest["keystoreConfigurationSchema"]>().toExtend<JsonValue>()

// A definition with configuration types of its own is a definition: the host knows none of them.
interface OwnConfiguration {
  readonly timeoutMs: number
}
expectTypeOf<KeystorePluginDefinitionV1<OwnConfiguration>>().toExtend<PluginDefinitionV1>()
expectTypeOf<OtherPluginDefinitionV1<OwnConfiguration>>().toExtend<PluginDefinitionV1>()
expectTypeOf<ConfigurationParser<OwnConfiguration>>().toExtend<ConfigurationParser<unknown>>()

// What the host does with one, without a cast.
export function load(definition: PluginDefinitionV1, input: unknown, services: PluginServices): PluginLifecycle {
  const result = definition.configuration.plugin.parse(input)
  if (!result.ok) throw new Error(result.issues.map((issue) => issue.message).join())
  return definition.create(result.value, services)
}

export function loadKeystore(definition: KeystorePluginDefinitionV1, services: PluginServices): KeystorePluginV1 {
  return definition.create({}, services)
}
