import { CodedError, type ErrorFacts, hasMarker } from "@apeiro-cmk/plugin-interface"
import { shownText } from "@apeiro-cmk/plugin-sdk"

/**
 * Codes of everything that can go wrong between a profile and its running plugins: a closed set.
 *
 * - `PROFILE_INVALID` - the profile cannot be read or says something that is not allowed; `problems` has each fault.
 * - `SECRET_REFERENCE_UNRESOLVED` - a `{source: credential}` reference: the credential store keeps none for plugins yet.
 * - `PLUGIN_PACKAGE_NOT_FOUND` - the package is not installed in the profile's folder or above it.
 * - `PLUGIN_DEPENDENCY_MISSING` - the package is there, something that it imports is not.
 * - `PLUGIN_EXPORT_MISSING` - the package does not export a plugin under the name `plugin`.
 * - `PLUGIN_IMPORT_FAILED` - the package's module throws, or never finishes, while it is imported.
 * - `PLUGIN_MANIFEST_MISMATCH` - package.json, manifest and profile do not say the same.
 * - `PLUGIN_CONTRACT_UNSUPPORTED` - made for a version of the plugin interface that this host does not serve.
 * - `PLUGIN_CONFIG_INVALID` - the plugin refuses its configuration; `problems` has each fault.
 * - `PLUGIN_CARDINALITY` - two plugins where one may be, or none where one must be.
 * - `PLUGIN_NOT_FOR_PRODUCTION` - a plugin for trials under `mode: production`.
 * - `PLUGIN_ISOLATION_UNSUPPORTED` - the plugin cannot run as the separate process that the profile asks for.
 * - `PLUGIN_START_FAILED` - the plugin could not be made or started, or not in time.
 * - `PLUGIN_STOP_FAILED` - the plugin failed to stop, or not in time.
 */
export type HostRuntimeErrorCode =
  | "PROFILE_INVALID"
  | "SECRET_REFERENCE_UNRESOLVED"
  | "PLUGIN_PACKAGE_NOT_FOUND"
  | "PLUGIN_DEPENDENCY_MISSING"
  | "PLUGIN_EXPORT_MISSING"
  | "PLUGIN_IMPORT_FAILED"
  | "PLUGIN_MANIFEST_MISMATCH"
  | "PLUGIN_CONTRACT_UNSUPPORTED"
  | "PLUGIN_CONFIG_INVALID"
  | "PLUGIN_CARDINALITY"
  | "PLUGIN_NOT_FOR_PRODUCTION"
  | "PLUGIN_ISOLATION_UNSUPPORTED"
  | "PLUGIN_START_FAILED"
  | "PLUGIN_STOP_FAILED"

/** One fault of a profile: its place, what is wrong, and what would be right. It never carries a resolved value. */
export interface ProfileProblem {
  /** The profile's file, as it was named to {@link loadProfile}. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** E.g. `plugins[0].name`; empty for the profile as a whole. */
  readonly path: string
  readonly message: string
  /** The values that would be accepted, where they can be listed. */
  readonly allowed?: readonly string[]
}

/** Facts of a {@link HostRuntimeError} in addition to its code and message. */
export interface HostRuntimeErrorFacts extends ErrorFacts {
  /** Name of the plugin in the profile. */
  readonly plugin?: string
  readonly problems?: readonly ProfileProblem[]
  readonly alsoFailed?: readonly HostRuntimeError[]
}

const hostRuntimeErrorMarker = Symbol.for("@apeiro-cmk/host-runtime-error")

/** The only error that this package throws. No message carries the value of a reference. */
export class HostRuntimeError extends CodedError<HostRuntimeErrorCode> {
  /** Name of the plugin in the profile, where the failure is one plugin's. */
  readonly plugin?: string
  /** Each fault in the profile's file, by position; empty where the failure has no place there. */
  readonly problems: readonly ProfileProblem[]
  /** Further failures of the same load, so that a human can fix everything in one go. */
  readonly alsoFailed: readonly HostRuntimeError[]

  constructor(code: HostRuntimeErrorCode, message: string, facts: HostRuntimeErrorFacts) {
    super(code, message, facts)
    if (facts.plugin !== undefined) this.plugin = facts.plugin
    this.problems = facts.problems ?? []
    this.alsoFailed = facts.alsoFailed ?? []
    Object.defineProperty(this, hostRuntimeErrorMarker, { value: true })
  }
}

/** A profile that cannot be used: code `PROFILE_INVALID`, with every problem at once. */
export class ProfileError extends HostRuntimeError {
  constructor(file: string, problems: readonly ProfileProblem[]) {
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`
    super("PROFILE_INVALID", [`the profile has ${count}:`, ...formatProblems(problems)].join("\n  "), {
      origin: "caller",
      retryable: false,
      nextStep: `Correct ${file} where the message points, then run \`apeiro-cmk profile check\` on it.`,
      problems,
    })
  }
}

/** Tells whether a value is a {@link HostRuntimeError}. */
export function isHostRuntimeError(value: unknown): value is HostRuntimeError {
  return hasMarker(value, hostRuntimeErrorMarker)
}

const mostLines = 50
const longestPart = 300

/** One line for people: `file:line:column path: message (allowed: a, b)`. */
export function formatProblem(problem: ProfileProblem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`
  const allowed = problem.allowed === undefined ? "" : ` (allowed: ${problem.allowed.join(", ")})`
  const path = problem.path === "" ? "" : ` ${shownText(problem.path, longestPart)}`
  return `${place}${path}: ${shownText(problem.message, longestPart)}${allowed}`
}

/** One line for each problem; after 50, one line for all others. */
export function formatProblems(problems: readonly ProfileProblem[]): readonly string[] {
  const lines = problems.slice(0, mostLines).map(formatProblem)
  return problems.length > mostLines ? [...lines, `and ${problems.length - mostLines} more`] : lines
}
