import { joinFailures } from "../load/load-failures.ts"
import type { LoadedProfile } from "../profile/profile.ts"
import { entryCardinality, refuseIndistinct } from "./cardinality.ts"
import { Catalog } from "./catalog.ts"
import type { CatalogOptions } from "./catalog-options.ts"
import { loadPlugin } from "./load-plugin.ts"
import type { PluginSlot } from "./plugin-slot.ts"

/**
 * Loads the plugins of a profile: manifest first, then configuration; nothing is created or started.
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
  return new Catalog(slots, options.clock)
}

/** Loads every plugin, and keeps those that fail. */
export async function loadSlots(profile: LoadedProfile, options: CatalogOptions): Promise<readonly PluginSlot[]> {
  const slots: PluginSlot[] = []
  // One after the other: what a package does on import then happens in the profile's order, as its start does.
  for (const entry of profile.plugins) slots.push(await loadPlugin(entry, profile, options))
  refuseIndistinct(slots)
  return slots
}
