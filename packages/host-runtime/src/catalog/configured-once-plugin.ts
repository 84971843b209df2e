import type { ConfiguredOncePlugin, PluginKind } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { Administration } from "../kinds/kind.ts"
import { hostKinds } from "../kinds/table.ts"
import type { PluginSlot } from "./plugin-slot.ts"

/** The way to the same thing for a kind that tenants configure: a member of its row of the table. */
type Instead = Exclude<keyof Extract<Administration<PluginKind>, { by: "tenant" }>, "by">

/**
 * Finds a plugin that the operator configures once, by its name in the profile.
 * @throws {PluginError} NOT_FOUND, UNSUPPORTED, UNREACHABLE
 */
export function configuredOncePlugin(
  slots: readonly PluginSlot[],
  name: string,
  instead: Instead,
): ConfiguredOncePlugin {
  const slot = slots.find(({ entry }) => entry.name === name)
  if (slot === undefined) {
    const names = slots.map(({ entry }) => entry.name).join(", ")
    throw pluginError("NOT_FOUND", "The profile has no plugin of this name.", `Use one of: ${names}.`, {
      origin: "caller",
    })
  }
  return operated(slot, instead)
}

function operated<Kind extends PluginKind>(slot: PluginSlot<Kind>, instead: Instead): ConfiguredOncePlugin {
  const { name, kind } = slot.entry
  const administration: Administration<Kind> = hostKinds[kind].administration
  if (administration.by === "tenant") {
    const message = `Plugin \`${name}\` is of kind ${kind}, which each tenant configures.`
    throw pluginError("UNSUPPORTED", message, administration[instead], { origin: "caller" })
  }
  const { running, error, state } = slot
  if (running !== undefined) return administration.of(running.instance)
  throw pluginError(
    "UNREACHABLE",
    error === undefined ? `Plugin \`${name}\` does not run: it is ${state}.` : error.message,
    error?.nextStep ?? "Wait until the host has started, then try again.",
    { origin: "host", ...(error === undefined ? {} : { cause: error }) },
  )
}
