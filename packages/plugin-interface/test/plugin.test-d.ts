import { expectTypeOf } from "vitest"
import type {
  AnyPluginDefinition,
  AuditPort,
  CallOptions,
  ConfigurationParser,
  ConfiguredOncePlugin,
  IdentityManifest,
  JsonValue,
  KeystoreManifest,
  KeystorePluginV1,
  NotificationPluginV1,
  Plugin,
  PluginAuditAction,
  PluginContract,
  PluginDefinition,
  PluginKind,
  PluginLifecycle,
  PluginManifest,
  PluginServices,
  PluginTypes,
} from "../src/index.ts"

// Five kinds, each with its contract and its instance, which has a life cycle.
expectTypeOf<PluginKind>().toEqualTypeOf<
  "keystore" | "identity" | "certificate-issuer" | "system-information" | "notification"
>()
expectTypeOf<keyof PluginTypes>().toEqualTypeOf<PluginKind>()
expectTypeOf<PluginContract>().toEqualTypeOf<`${PluginKind}/v1`>()
expectTypeOf<Plugin>().toExtend<PluginLifecycle>()
expectTypeOf<Plugin<"notification">>().toEqualTypeOf<NotificationPluginV1>()

// A plugin that the operator configures once is tested and prepared as such; a keystore is opened first.
expectTypeOf<Plugin<Exclude<PluginKind, "keystore">>>().toExtend<ConfiguredOncePlugin>()

// The kind tells the manifests apart.
export function pluginTypeOf(manifest: PluginManifest): string | undefined {
  if (manifest.kind === "identity") expectTypeOf(manifest).toEqualTypeOf<IdentityManifest>()
  if (manifest.kind !== "keystore") return undefined
  expectTypeOf(manifest).toEqualTypeOf<KeystoreManifest>()
  return manifest.pluginType
}

// A manifest is plain data.
expectTypeOf<KeystoreManifest["keystoreConfigurationSchema"]>().toExtend<JsonValue>()

// Each kind reports its own actions, and no others; a port for all of them serves each.
expectTypeOf<PluginAuditAction<"identity">>().toEqualTypeOf<"identityLogin" | "identityTokenRenewal">()
expectTypeOf<AuditPort>().toExtend<AuditPort<"keystore">>()
export async function report(audit: AuditPort<"identity">, call: CallOptions): Promise<void> {
  await audit.record({ action: "identityLogin", outcome: "success" }, call)
  // @ts-expect-error - an action of another kind
  await audit.record({ action: "keystoreLogin", outcome: "success" }, call)
  // @ts-expect-error - an action that no kind has
  await audit.record({ action: "somethingElse", outcome: "success" }, call)
}

// A definition with configuration types of its own is a definition: the host knows none of them.
interface OwnConfiguration {
  readonly timeoutMs: number
}
expectTypeOf<PluginDefinition<"keystore", OwnConfiguration>>().toExtend<AnyPluginDefinition>()
expectTypeOf<PluginDefinition<"identity", OwnConfiguration>>().toExtend<AnyPluginDefinition>()
expectTypeOf<ConfigurationParser<OwnConfiguration>>().toExtend<ConfigurationParser<unknown>>()

// What the host does with one, without a cast.
export function load(definition: AnyPluginDefinition, input: unknown, services: PluginServices): PluginLifecycle {
  const result = definition.configuration.plugin.parse(input)
  if (!result.ok) throw new Error(result.issues.map((issue) => issue.message).join())
  return definition.create(result.value, services)
}

export function loadKeystore(definition: PluginDefinition<"keystore">, services: PluginServices): KeystorePluginV1 {
  return definition.create({}, services)
}

export function loadOf<Kind extends PluginKind>(
  definition: PluginDefinition<Kind>,
  services: PluginServices,
): Plugin<Kind> {
  return definition.create({}, services)
}
