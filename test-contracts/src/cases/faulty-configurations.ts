import assert from "node:assert/strict"
import type { ConfigurationIssue } from "@apeiro-cmk/plugin-interface"

/** Fails unless an issue names a field or something below it. */
export function assertIssueAt(issues: readonly ConfigurationIssue[] | undefined, field: string): void {
  const paths = (issues ?? []).map((issue) => issue.path.join("."))
  assert.ok(
    paths.some((path) => path === field || path.startsWith(`${field}.`)),
    `no issue names ${field}, only: ${paths.join(", ") || "none"}`,
  )
}

/** Returns a configuration without some of its fields. */
export function without<Value>(
  input: Readonly<Record<string, Value>>,
  fields: readonly string[],
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(input).filter(([name]) => !fields.includes(name)))
}
