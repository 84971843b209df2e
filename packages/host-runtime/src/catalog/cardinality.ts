import { HostRuntimeError } from "../errors.ts"
import { pluginFailure } from "../load/load-failures.ts"
import type { PluginSlot } from "./plugin-slot.ts"
import type { LoadedProfile, PluginEntry } from "../profile/profile.ts"

/** What a profile's entries say about each other: unique names, one plugin of most kinds, at least one keystore. */
export function entryCardinality(profile: LoadedProfile): readonly HostRuntimeError[] {
  const failures: HostRuntimeError[] = []
  for (const [index, entry] of profile.plugins.entries()) {
    const earlier = profile.plugins.slice(0, index)
    if (earlier.some(({ name }) => name === entry.name)) {
      failures.push(tooMany(entry, "name", "has the name of an earlier plugin", "Give each plugin a name of its own."))
    }
    if (entry.kind !== "keystore" && earlier.some(({ kind }) => kind === entry.kind)) {
      const what = `is a second plugin of kind ${entry.kind}, of which a host takes one`
      failures.push(tooMany(entry, "type", what, "Take one of the two out of the profile."))
    }
  }
  if (!profile.plugins.some(({ kind }) => kind === "keystore")) failures.push(noKeystore(profile))
  return failures
}

/** Refuses each keystore plugin whose `pluginType` an earlier one serves: a keystore could not tell them apart. */
export function refuseDoubleTypes(slots: readonly PluginSlot[]): void {
  const servedBy = new Map<string, string>()
  for (const slot of slots) {
    const manifest = slot.definition?.manifest
    if (manifest?.kind !== "keystore" || slot.state !== "loaded") continue
    const earlier = servedBy.get(manifest.pluginType)
    if (earlier === undefined) {
      servedBy.set(manifest.pluginType, slot.entry.name)
      continue
    }
    const what = `serves the plugin type ${manifest.pluginType}, as \`${earlier}\` does`
    slot.state = "failed"
    slot.error = tooMany(slot.entry, "package", what, "Take one of the two out of the profile.")
  }
}

function tooMany(entry: PluginEntry, key: string, what: string, nextStep: string): HostRuntimeError {
  const problems = [entry.problem([key], "value", "only one is possible")]
  return pluginFailure(entry, "PLUGIN_CARDINALITY", what, nextStep, { problems })
}

function noKeystore(profile: LoadedProfile): HostRuntimeError {
  return new HostRuntimeError("PLUGIN_CARDINALITY", `${profile.file} loads no plugin of type keystore`, {
    origin: "caller",
    retryable: false,
    nextStep: "Add a plugin with `type: keystore`: without one no tenant's key can be reached.",
  })
}
