import type { ConfigurationIssue, ConfigurationResult, PluginError } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { pluginError } from "../errors/error-facts.ts"
import { issuesOf, plainMessage } from "./configuration-issues.ts"
import { sizeRule } from "./configuration-schema.ts"
import { sizeIssues } from "./document-size.ts"
import { boundedIssues, issuesText } from "./issue-list.ts"

/**
 * Parses a configuration: the value, or the issues at once, each with its path and, where they can be listed, the
 * allowed values. At most 50, the last of which then counts the others. No message repeats a value. Pure.
 *
 * A document that is larger than its schema allows is refused for that alone: no pattern and no rule sees it.
 *
 * @param schema - a zod schema without asynchronous parts
 */
export function parseConfiguration<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): ConfigurationResult<z.output<Schema>> {
  const sizes = sizeIssues(sizeRule(schema), input)
  if (sizes.length > 0) return { ok: false, issues: sizes }
  const result = schema.safeParse(input, { error: plainMessage })
  if (result.success) return { ok: true, value: result.data }
  return { ok: false, issues: boundedIssues(issuesOf(result.error.issues)) }
}

/** Makes the `INVALID_REQUEST` error of a configuration that did not parse; it lists the issues by their paths. */
export function configurationError(issues: readonly ConfigurationIssue[]): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    `The configuration is not valid. ${issuesText(issues)}.`,
    "Correct each listed field of the configuration.",
    { issues: boundedIssues(issues) },
  )
}

/** Parses like {@link parseConfiguration}, where a wrong configuration is an error. @throws {PluginError} INVALID_REQUEST */
export function requireConfiguration<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = parseConfiguration(schema, input)
  if (result.ok) return result.value
  throw configurationError(result.issues)
}
