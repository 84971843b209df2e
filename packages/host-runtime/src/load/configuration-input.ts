import { resolve } from "node:path"
import type { JsonSchema, JsonValue } from "@apeiro-cmk/plugin-interface"
import type { HostRuntimeError } from "../errors.ts"
import { schemasAt } from "../profile/json-schema-path.ts"
import type { PluginEntry } from "../profile/profile.ts"
import type { PlacedReference } from "../profile/reference.ts"
import type { Path } from "../profile/yaml-tree.ts"
import { pluginFailure } from "./load-failures.ts"
import { type Redact, redactionOf } from "./redaction.ts"

/** A configuration on its way into its plugin. */
export interface ConfigurationInput {
  readonly value: JsonValue
  /** Takes the values of its references out of a text. */
  readonly redact: Redact
}

/**
 * Makes the configuration that a plugin's parser gets: references resolved, the operator's paths absolute.
 *
 * @param folder - of the profile: a field with `format: path` in the plugin's schema starts here
 * @throws {HostRuntimeError} SECRET_REFERENCE_UNRESOLVED - it refers to a stored credential
 */
export function configurationInput(entry: PluginEntry, schema: JsonSchema, folder: string): ConfigurationInput {
  const value = entry.resolvedConfiguration()
  const stored = entry.references.find(({ reference }) => reference.source === "credential")
  if (stored !== undefined) throw storedCredential(entry, stored)
  const texts = entry.references.map(({ path }) => valueAt(value, path)).filter((text) => typeof text === "string")
  return { value: startAtFolder(value, schema, folder), redact: redactionOf(texts) }
}

/** The profile's syntax has such references already; resolving them waits for credentials of plugins in the store. */
function storedCredential(entry: PluginEntry, { path }: PlacedReference): HostRuntimeError {
  return pluginFailure(
    entry,
    "SECRET_REFERENCE_UNRESOLVED",
    "refers to a stored credential, and the credential store keeps none for plugins yet",
    "Use a reference with `source: env` or `source: file` instead.",
    {
      problems: [
        entry.problem(["configuration", ...path], "value", "a stored credential cannot be used here", ["env", "file"]),
      ],
    },
  )
}

function startAtFolder(value: JsonValue, schema: JsonSchema, folder: string): JsonValue {
  const placed = (item: JsonValue, path: Path): JsonValue => {
    if (isMapping(item)) {
      return Object.fromEntries(Object.entries(item).map(([key, child]) => [key, placed(child, [...path, key])]))
    }
    const isPath = schemasAt(schema, path).some(({ format }) => format === "path")
    return isPath && typeof item === "string" && item !== "" ? resolve(folder, item) : item
  }
  return placed(value, [])
}

function valueAt(value: JsonValue, path: Path): JsonValue | undefined {
  const [head, ...rest] = path
  if (head === undefined) return value
  const child = Array.isArray(value) ? value[Number(head)] : isMapping(value) ? value[head] : undefined
  return child === undefined ? undefined : valueAt(child, rest)
}

function isMapping(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
