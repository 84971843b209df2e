import type { ConfigurationParser, ConfigurationResult, JsonSchema, JsonValue } from "@apeiro-cmk/plugin-interface"
import { scrubbedCause } from "@apeiro-cmk/plugin-sdk"
import type { HostRuntimeError, ProfileProblem } from "../errors.ts"
import { declaredKeys, schemasAt } from "../profile/json-schema-path.ts"
import type { PluginEntry } from "../profile/profile.ts"
import { inFileOrder } from "../profile/profile-text.ts"
import type { Path } from "../profile/yaml-tree.ts"
import type { ConfigurationInput } from "./configuration-input.ts"
import { pluginFailure } from "./load-failures.ts"

/**
 * Has a plugin parse its configuration.
 *
 * @param schema - JSON Schema of the configuration, from the manifest
 * @returns the parsed configuration; its type is the plugin's own
 * @throws {HostRuntimeError} PLUGIN_CONFIG_INVALID - with each fault at its place in the profile, and without any value
 * that came from a reference
 */
export function parsePluginConfiguration(
  entry: PluginEntry,
  schema: JsonSchema,
  parser: ConfigurationParser<unknown>,
  input: ConfigurationInput,
): unknown {
  const result = runParser(entry, parser, input.value)
  const issues = result.ok ? [] : result.issues
  const problems = [
    ...literalSecrets(entry, schema),
    ...issues.map(({ path, message, allowed }) => problemOf(entry, schema, path, input.redact(message), allowed)),
  ]
  if (!result.ok || problems.length > 0) throw invalid(entry, inFileOrder(problems))
  return result.value
}

function runParser(
  entry: PluginEntry,
  parser: ConfigurationParser<unknown>,
  value: JsonValue,
): ConfigurationResult<unknown> {
  try {
    const result = parser.parse(value)
    if (result.ok === true || Array.isArray(result.issues)) return result
  } catch (error) {
    throw invalid(entry, [], scrubbedCause(error))
  }
  throw invalid(entry, [])
}

/** A secret belongs behind a reference: a profile is shown, copied and checked in. */
function literalSecrets(entry: PluginEntry, schema: JsonSchema): ProfileProblem[] {
  const configuration = entry.shownConfiguration
  if (typeof configuration !== "object" || configuration === null) return []
  const references = new Set(entry.references.map(({ path }) => JSON.stringify(path)))
  return Object.keys(configuration)
    .filter((key) => schemasAt(schema, [key]).some(({ writeOnly }) => writeOnly))
    .filter((key) => !references.has(JSON.stringify([key])))
    .map((key) => entry.problem(["configuration", key], "value", "a secret must be a reference", ["env", "file"]))
}

function problemOf(
  entry: PluginEntry,
  schema: JsonSchema,
  path: Path,
  message: string,
  allowed: readonly string[] | undefined,
): ProfileProblem {
  const full = ["configuration", ...path]
  const isUnknown = entry.has(full) && path.length > 0 && schemasAt(schema, path).length === 0
  const parent = path.slice(0, -1)
  if (isUnknown && declaredKeys(schema, parent).length > 0) {
    return entry.problem(full, "key", message, allowed ?? declaredKeys(schema, parent))
  }
  return entry.problem(full, "value", message, allowed)
}

function invalid(entry: PluginEntry, problems: readonly ProfileProblem[], cause?: Error): HostRuntimeError {
  const [what, nextStep] =
    problems.length > 0
      ? [
          "refuses its configuration:",
          "Correct the configuration where the message points; the plugin's README lists the keys.",
        ]
      : ["could not check its configuration", "Report it to the plugin's author: its configuration parser failed."]
  const facts = cause === undefined ? { problems } : { problems, cause }
  return pluginFailure(
    entry,
    "PLUGIN_CONFIG_INVALID",
    what,
    nextStep,
    problems.length > 0 ? facts : { ...facts, origin: "plugin" },
  )
}
