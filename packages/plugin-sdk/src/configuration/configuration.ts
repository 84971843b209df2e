import type { ConfigurationIssue, ConfigurationResult, PluginError } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { pluginError } from "../errors/error-facts.ts"
import { issuesOf, plainMessage } from "./configuration-issues.ts"

/**
 * Parses a configuration: the value, or every issue at once, each with its path and, where they can be listed, the
 * allowed values. No message repeats a value. Pure.
 *
 * @param schema - a zod schema without asynchronous parts
 */
export function parseConfiguration<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): ConfigurationResult<z.output<Schema>> {
  const result = schema.safeParse(input, { error: plainMessage })
  return result.success ? { ok: true, value: result.data } : { ok: false, issues: issuesOf(result.error.issues) }
}

/** Makes the `INVALID_REQUEST` error of a configuration that did not parse; it lists each issue by its path. */
export function configurationError(issues: readonly ConfigurationIssue[]): PluginError {
  const lines = issues.map((issue) => `${pathText(issue.path)}: ${issue.message}`)
  return pluginError(
    "INVALID_REQUEST",
    `The configuration is not valid. ${lines.join("; ")}.`,
    "Correct each listed field of the configuration.",
    { issues },
  )
}

/** Parses like {@link parseConfiguration}, where a wrong configuration is an error. @throws {PluginError} INVALID_REQUEST */
export function requireConfiguration<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = parseConfiguration(schema, input)
  if (result.ok) return result.value
  throw configurationError(result.issues)
}

function pathText(path: ConfigurationIssue["path"]): string {
  if (path.length === 0) return "configuration"
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("")
}
