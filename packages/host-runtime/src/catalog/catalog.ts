import type { KeystorePluginV1, PluginDefinition, PluginKind, PluginManifest } from "@apeiro-cmk/plugin-interface"
import { entryCardinality, refuseDoubleTypes } from "./cardinality.ts"
import type { CatalogOptions } from "./catalog-options.ts"
import type { HostRuntimeErrorCode } from "../errors.ts"
import { joinFailures } from "../load/load-failures.ts"
import { loadPlugin } from "../load/load-plugin.ts"
import type { PluginSlot, PluginState } from "./plugin-slot.ts"
import type { LoadedProfile } from "../profile/profile.ts"

/** How a plugin is doing, without a secret. */
export interface PluginStatus {
  /** From the profile. */
  readonly name: string
  readonly type: PluginKind
  readonly package?: string
  /** From its package.json; absent when that could not be read. */
  readonly version?: string
  readonly state: PluginState
  readonly onFailure: "abort" | "continue"
  readonly tags: readonly string[]
  /** For `failed`. */
  readonly error?: { readonly code: HostRuntimeErrorCode; readonly message: string; readonly nextStep: string }
}

/** {@link PluginStatus} with the manifest, for a plugin whose module could be loaded. */
export interface PluginDescription extends PluginStatus {
  readonly manifest?: PluginManifest
}

/** Whether the host may be sent work. */
export interface Readiness {
  /** All plugins have started, apart from those that may fail (`onFailure: continue`). */
  readonly ready: boolean
  /** A plugin that may fail has failed. */
  readonly degraded: boolean
  readonly plugins: readonly PluginStatus[]
}

/** The plugins of a profile, in its order. */
export interface Catalog {
  /** The running plugin that serves a `plugin_type`. */
  keystorePlugin(
    pluginType: string,
  ): { readonly definition: PluginDefinition<"keystore", never>; readonly instance: KeystorePluginV1 } | undefined
  /** The `plugin_type`s that running plugins serve. */
  keystorePluginTypes(): readonly string[]
  plugins(): readonly PluginStatus[]
  describePlugins(): readonly PluginDescription[]
  readiness(): Readiness
}

const slotsOfCatalog = new WeakMap<Catalog, readonly PluginSlot[]>()

/** The slots behind a catalog: for this package's lifecycle only. */
export function slotsOf(catalog: Catalog): readonly PluginSlot[] {
  return slotsOfCatalog.get(catalog) ?? []
}

/**
 * Loads the plugins of a profile: manifest first, then configuration; nothing is made or started.
 *
 * @throws {HostRuntimeError} the failure of a plugin with `onFailure: abort`, or PLUGIN_CARDINALITY; the failures of the
 * others are in `alsoFailed`. A plugin with `onFailure: continue` fails alone: its state says so.
 */
export async function loadCatalog(profile: LoadedProfile, options: CatalogOptions): Promise<Catalog> {
  const slots = await loadSlots(profile, options)
  const fatal = [
    ...entryCardinality(profile),
    ...slots.filter(({ entry }) => entry.onFailure === "abort").flatMap(({ error }) => error ?? []),
  ]
  const [first, ...others] = fatal
  if (first !== undefined) throw joinFailures(first, others)
  return catalogOf(slots)
}

/** Loads every plugin, also those that fail. */
export async function loadSlots(profile: LoadedProfile, options: CatalogOptions): Promise<readonly PluginSlot[]> {
  const slots: PluginSlot[] = []
  // One after the other: what a package does on import then happens in the profile's order, as its start does.
  for (const entry of profile.plugins) slots.push(await loadPlugin(entry, profile, options))
  refuseDoubleTypes(slots)
  return slots
}

function catalogOf(slots: readonly PluginSlot[]): Catalog {
  const running = () => slots.flatMap((slot) => runningKeystore(slot) ?? [])
  const plugins = () => slots.map(statusOf)
  const catalog: Catalog = {
    keystorePlugin: (pluginType) => running().find(({ definition }) => definition.manifest.pluginType === pluginType),
    keystorePluginTypes: () => running().map(({ definition }) => definition.manifest.pluginType),
    plugins,
    describePlugins: () =>
      slots.map((slot) => ({
        ...statusOf(slot),
        ...(slot.definition === undefined ? {} : { manifest: slot.definition.manifest }),
      })),
    readiness: () => ({
      ready: slots.every(
        ({ state, entry }) => state === "running" || (state === "failed" && entry.onFailure === "continue"),
      ),
      degraded: slots.some(({ state }) => state === "failed"),
      plugins: plugins(),
    }),
  }
  slotsOfCatalog.set(catalog, slots)
  return catalog
}

/** The status of one slot. */
export function statusOf(slot: PluginSlot): PluginStatus {
  const { entry, error } = slot
  return {
    name: entry.name,
    type: entry.kind,
    ...(entry.package === undefined ? {} : { package: entry.package }),
    ...(slot.version === undefined ? {} : { version: slot.version }),
    state: slot.state,
    onFailure: entry.onFailure,
    tags: entry.tags,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message, nextStep: error.nextStep } }),
  }
}

function runningKeystore({ state, definition, instance }: PluginSlot) {
  if (state !== "running" || definition === undefined || instance === undefined) return undefined
  return isKeystore(definition) && "openKeystore" in instance ? { definition, instance } : undefined
}

function isKeystore(
  definition: NonNullable<PluginSlot["definition"]>,
): definition is PluginDefinition<"keystore", never> {
  return definition.manifest.kind === "keystore"
}
