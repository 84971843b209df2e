import type { PluginDefinition, PluginKind } from "@apeiro-cmk/plugin-interface"
import { hostKinds } from "../kinds/table.ts"
import { isManifestOf } from "./check-manifest.ts"

/** The outline of a definition of any kind. */
export interface ExportedPlugin {
  readonly manifest: Readonly<Record<string, unknown>>
  readonly configuration: Readonly<Record<string, unknown>>
  readonly create: (...settings: never) => unknown
}

/** Tells whether a module's export has the outline of a definition. */
export function isExportedPlugin(value: unknown): value is ExportedPlugin {
  return (
    isObject(value) && typeof value.create === "function" && isObject(value.manifest) && isObject(value.configuration)
  )
}

/** Tells whether a value is a definition of a kind: a sound manifest of the kind, each parser of the kind, and `create`. */
export function isDefinitionOf<Kind extends PluginKind>(value: unknown, kind: Kind): value is PluginDefinition<Kind> {
  if (!isExportedPlugin(value) || !isManifestOf(value.manifest, kind)) return false
  const { configuration } = value
  return ["plugin", ...hostKinds[kind].parsers].every((name) => isParser(configuration[name]))
}

function isParser(value: unknown): boolean {
  return isObject(value) && typeof value.parse === "function"
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null
}
