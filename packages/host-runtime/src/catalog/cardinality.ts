import { type PluginKind, pluginKindNames } from "@apeiro-cmk/plugin-interface"
import { HostRuntimeError } from "../errors.ts"
import type { Cardinality } from "../kinds/kind.ts"
import { hostKinds } from "../kinds/table.ts"
import { pluginFailure } from "../load/load-failures.ts"
import type { LoadedProfile, PluginEntry } from "../profile/profile.ts"
import type { PluginSlot } from "./plugin-slot.ts"

/** Returns the faults of a profile's entries as a whole: equal names, and too many or too few plugins of a kind. */
export function entryCardinality(profile: LoadedProfile): readonly HostRuntimeError[] {
  const failures: HostRuntimeError[] = []
  for (const [index, entry] of profile.plugins.entries()) {
    const earlier = profile.plugins.slice(0, index)
    if (earlier.some(({ name }) => name === entry.name)) {
      failures.push(tooMany(entry, "name", "has the name of an earlier plugin", "Give each plugin its own name."))
    }
    const { distinctBy } = hostKinds[entry.kind].cardinality
    if (distinctBy === undefined && earlier.some(({ kind }) => kind === entry.kind)) {
      const what = `is a second plugin of kind ${entry.kind}, of which a host takes one`
      failures.push(tooMany(entry, "type", what, "Take one of the two out of the profile."))
    }
  }
  return [...failures, ...pluginKindNames.flatMap((kind) => missingKind(kind, profile))]
}

function missingKind(kind: PluginKind, { file, plugins }: LoadedProfile): readonly HostRuntimeError[] {
  const { required } = hostKinds[kind].cardinality
  if (required === undefined || plugins.some((entry) => entry.kind === kind)) return []
  const facts = { origin: "caller", retryable: false, ...required } as const
  return [new HostRuntimeError("PLUGIN_CARDINALITY", `${file} loads no plugin of type ${kind}`, facts)]
}

/** Refuses each loaded plugin that cannot be told apart from an earlier one of its kind. */
export function refuseIndistinct(slots: readonly PluginSlot[]): void {
  const servedBy = new Map<string, string>()
  for (const slot of slots) {
    const distinction = slot.state === "loaded" ? distinctionOf(slot) : undefined
    if (distinction === undefined) continue
    const key = JSON.stringify([slot.entry.kind, distinction.value])
    const earlier = servedBy.get(key)
    if (earlier === undefined) {
      servedBy.set(key, slot.entry.name)
      continue
    }
    const what = `serves the ${distinction.name} ${distinction.value}, as \`${earlier}\` does`
    slot.state = "failed"
    slot.error = tooMany(slot.entry, "package", what, "Take one of the two out of the profile.")
  }
}

function distinctionOf<Kind extends PluginKind>({ entry, definition }: PluginSlot<Kind>) {
  const { distinctBy }: Cardinality<Kind> = hostKinds[entry.kind].cardinality
  if (distinctBy === undefined || definition === undefined) return undefined
  return { name: distinctBy.name, value: distinctBy.of(definition.manifest) }
}

function tooMany(entry: PluginEntry, key: string, what: string, nextStep: string): HostRuntimeError {
  const problems = [entry.problem([key], "value", "only one is possible")]
  return pluginFailure(entry, "PLUGIN_CARDINALITY", what, nextStep, { problems })
}
