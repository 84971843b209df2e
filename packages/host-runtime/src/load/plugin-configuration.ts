import type { AnyPluginDefinition, ConfigurationResult, JsonValue } from "@apeiro-cmk/plugin-interface"
import { scrubbedCause } from "@apeiro-cmk/plugin-sdk"
import type { HostRuntimeError, ProfileProblem } from "../errors.ts"
import { declaredKeys, schemasAt } from "../profile/json-schema-path.ts"
import { pluginFailure } from "./load-failures.ts"
import type { PluginEntry } from "../profile/profile.ts"
import { inFileOrder } from "../profile/profile-text.ts"
import type { Redact } from "./redaction.ts"
import type { Path } from "../profile/yaml-tree.ts"

/** A configuration on its way into its plugin. */
export interface ConfigurationInput {
  readonly value: JsonValue
  /** Paths of references that have no value in this check: what a parser says about them is not heard. */
  readonly unresolved: readonly Path[]
  readonly redact: Redact
}

/** A configuration that its plugin accepted. Its type is the plugin's own: only that plugin's `create` may have it. */
export interface AcceptedConfiguration {
  readonly value: unknown
}

/**
 * Has a plugin parse its configuration.
 *
 * @returns nothing when all that the plugin refuses is what `unresolved` leaves out: enough for a check, not for a start
 * @throws {HostRuntimeError} PLUGIN_CONFIG_INVALID - with each fault at its place in the profile, and without any value
 * that came from a reference
 */
export function parsePluginConfiguration(
  entry: PluginEntry,
  definition: AnyPluginDefinition,
  input: ConfigurationInput,
): AcceptedConfiguration | undefined {
  const problems: ProfileProblem[] = literalSecrets(entry, definition)
  const result = runParser(entry, definition, input.value)
  for (const issue of result.ok ? [] : result.issues) {
    if (input.unresolved.some((path) => startsWith(issue.path, path))) continue
    problems.push(problemOf(entry, definition, issue.path, input.redact(issue.message), issue.allowed))
  }
  if (problems.length > 0) throw invalid(entry, inFileOrder(problems))
  return result.ok ? { value: result.value } : undefined
}

function runParser(
  entry: PluginEntry,
  definition: AnyPluginDefinition,
  value: JsonValue,
): ConfigurationResult<unknown> {
  try {
    const result: ConfigurationResult<unknown> = definition.configuration.plugin.parse(value)
    if (result.ok === true || Array.isArray(result.issues)) return result
  } catch (error) {
    throw invalid(entry, [], scrubbedCause(error))
  }
  throw invalid(entry, [])
}

/** A secret belongs behind a reference: a profile is shown, copied and checked in. */
function literalSecrets(entry: PluginEntry, definition: AnyPluginDefinition): ProfileProblem[] {
  const configuration = entry.shownConfiguration
  if (typeof configuration !== "object" || configuration === null) return []
  const references = new Set(entry.references.map(({ path }) => JSON.stringify(path)))
  return Object.keys(configuration)
    .filter((key) => schemasAt(definition.manifest.pluginConfigurationSchema, [key]).some(({ writeOnly }) => writeOnly))
    .filter((key) => !references.has(JSON.stringify([key])))
    .map((key) =>
      entry.problem(["configuration", key], "value", "a secret must be a reference", ["env", "file", "credential"]),
    )
}

function problemOf(
  entry: PluginEntry,
  { manifest }: AnyPluginDefinition,
  path: Path,
  message: string,
  allowed: readonly string[] | undefined,
): ProfileProblem {
  const schema = manifest.pluginConfigurationSchema
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

function startsWith(path: Path, prefix: Path): boolean {
  return prefix.every((part, index) => path[index] === part)
}
