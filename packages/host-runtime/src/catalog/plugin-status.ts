import type { PluginKind, PluginManifest } from "@apeiro-cmk/plugin-interface"
import type { HostRuntimeErrorCode } from "../errors.ts"
import type { PluginSlot, PluginState } from "./plugin-slot.ts"

/** State of a plugin, without a secret. */
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

/** Returns the status of one slot. */
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

/** Returns the status of one slot with its manifest. */
export function descriptionOf(slot: PluginSlot): PluginDescription {
  const manifest = slot.definition?.manifest
  return { ...statusOf(slot), ...(manifest === undefined ? {} : { manifest }) }
}

/** Returns whether a host with these slots may be sent work. */
export function readinessOf(slots: readonly PluginSlot[]): Readiness {
  return {
    ready: slots.every(
      ({ state, entry }) => state === "running" || (state === "failed" && entry.onFailure === "continue"),
    ),
    degraded: slots.some(({ state }) => state === "failed"),
    plugins: slots.map(statusOf),
  }
}
