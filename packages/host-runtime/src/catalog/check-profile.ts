import type { PluginKind, PluginServices } from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { type HostRuntimeError, isHostRuntimeError } from "../errors.ts"
import { type LoadProfileOptions, loadProfile } from "../profile/load-profile.ts"
import type { LoadedProfile } from "../profile/profile.ts"
import { entryCardinality } from "./cardinality.ts"
import { loadSlots } from "./load-catalog.ts"
import { type PluginStatus, statusOf } from "./plugin-status.ts"

/** Result of a check. */
export interface ProfileCheck {
  /** True when nothing failed, not even a plugin with `onFailure: continue`. */
  readonly ok: boolean
  /** Absent when the profile itself is not sound. */
  readonly profile?: LoadedProfile
  readonly plugins: readonly PluginStatus[]
  /** Everything that is wrong, in the profile's order. */
  readonly failures: readonly HostRuntimeError[]
}

/** Services of the host that {@link checkProfile} builds on. */
export interface CheckProfileOptions extends LoadProfileOptions {
  makeServices(pluginName: string, kind: PluginKind): PluginServices
}

/**
 * Reads a profile and loads its plugins without starting any: no network, no database. Imports the packages that the
 * profile names, and resolves references to the environment and to files.
 */
export async function checkProfile(file: string, options: CheckProfileOptions): Promise<ProfileCheck> {
  try {
    const profile = await loadProfile(file, options)
    const slots = await loadSlots(profile, { makeServices: options.makeServices, clock: systemClock })
    const failures = [...entryCardinality(profile), ...slots.flatMap(({ error }) => error ?? [])]
    return { ok: failures.length === 0, profile, plugins: slots.map(statusOf), failures }
  } catch (error) {
    if (!isHostRuntimeError(error)) throw error
    return { ok: false, plugins: [], failures: [error] }
  }
}
