import type { ErrorOrigin } from "@apeiro-cmk/plugin-interface"
import { PluginProcessError } from "@apeiro-cmk/plugin-wire"
import { formatProblems, HostRuntimeError, type HostRuntimeErrorCode, type HostRuntimeErrorFacts } from "../errors.ts"
import type { PluginEntry } from "../profile/profile.ts"

/** The party that has to act on each failure. */
const origins: Readonly<Record<HostRuntimeErrorCode, ErrorOrigin>> = {
  PROFILE_INVALID: "caller",
  SECRET_REFERENCE_UNRESOLVED: "caller",
  PLUGIN_PACKAGE_NOT_FOUND: "caller",
  PLUGIN_DEPENDENCY_MISSING: "plugin",
  PLUGIN_EXPORT_MISSING: "plugin",
  PLUGIN_IMPORT_FAILED: "plugin",
  PLUGIN_MANIFEST_MISMATCH: "plugin",
  PLUGIN_CONTRACT_UNSUPPORTED: "plugin",
  PLUGIN_CONFIG_INVALID: "caller",
  PLUGIN_CARDINALITY: "caller",
  PLUGIN_NOT_FOR_PRODUCTION: "caller",
  PLUGIN_ISOLATION_UNSUPPORTED: "caller",
  PLUGIN_START_FAILED: "plugin",
  PLUGIN_STOP_FAILED: "plugin",
}

/** Tells whether an error says that a process does not run as a plugin. */
export function isPluginProcessError(error: unknown): error is PluginProcessError {
  return error instanceof PluginProcessError
}

type Extra = Partial<Omit<HostRuntimeErrorFacts, "nextStep" | "plugin">>

/**
 * Makes the failure of one plugin of a profile.
 *
 * @param what - end of the sentence "plugin `name` ..."; its problems, if any, follow line by line
 */
export function pluginFailure(
  entry: PluginEntry,
  code: HostRuntimeErrorCode,
  what: string,
  nextStep: string,
  extra: Extra = {},
): HostRuntimeError {
  const lines = [`plugin \`${entry.name}\` ${what}`, ...formatProblems(extra.problems ?? [])]
  return new HostRuntimeError(code, lines.join("\n  "), {
    origin: origins[code],
    retryable: false,
    ...extra,
    nextStep,
    plugin: entry.name,
  })
}

/** Joins several failures: the first one, with the others in `alsoFailed` and in its message. */
export function joinFailures(first: HostRuntimeError, others: readonly HostRuntimeError[]): HostRuntimeError {
  if (others.length === 0) return first
  const message = [first.message, ...others.map((other) => `also: ${other.message}`)].join("\n")
  return new HostRuntimeError(first.code, message, {
    origin: first.origin,
    retryable: first.retryable,
    nextStep: first.nextStep,
    problems: first.problems,
    alsoFailed: others,
    ...(first.plugin === undefined ? {} : { plugin: first.plugin }),
    ...(first.cause === undefined ? {} : { cause: first.cause }),
  })
}
