import type { ConfigurationIssue } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"

type ZodIssue = z.core.$ZodIssue

/** Translates zod's issues into ours: one per fault, unknown keys each by name, allowed values as a list. */
export function* issuesOf(
  issues: readonly ZodIssue[],
  prefix: ConfigurationIssue["path"] = [],
): Generator<ConfigurationIssue, void> {
  for (const issue of issues) {
    const path = [...prefix, ...issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))]
    switch (issue.code) {
      case "unrecognized_keys":
        for (const key of issue.keys) yield { path: [...path, key], message: "is not a known field" }
        break
      case "invalid_value":
        yield oneOf(path, issue.values.map(String))
        break
      case "invalid_union":
        yield* unionIssues(issue, path)
        break
      case "invalid_key":
      case "invalid_element":
        yield* issuesOf(issue.issues, path)
        break
      default:
        yield { path, message: lowerFirst(issue.message) }
    }
  }
}

/** zod's own names of types, in an administrator's terms. */
const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
}

/** Replaces zod's own message where a schema has none; never repeats the value. */
export function plainMessage(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type": {
      const kind = kinds[issue.expected]
      return issue.input === undefined ? "is missing" : kind === undefined ? undefined : `must be ${kind}`
    }
    case "too_small":
      return issue.origin === "string" && issue.minimum === 1
        ? "must not be empty"
        : limit("least", issue.origin, issue.minimum)
    case "too_big":
      return limit("most", issue.origin, issue.maximum)
    default:
      return undefined
  }
}

function limit(which: "least" | "most", origin: string, bound: number | bigint): string | undefined {
  if (origin === "string") return `must have at ${which} ${bound} characters`
  if (origin === "array") return `must have at ${which} ${bound} entries`
  return origin === "number" || origin === "int" ? `must be at ${which} ${bound}` : undefined
}

function oneOf(path: ConfigurationIssue["path"], allowed: readonly string[]): ConfigurationIssue {
  const message = allowed.length === 1 ? `must be ${allowed[0]}` : `must be one of: ${allowed.join(", ")}`
  return { path, message, allowed }
}

/** Reports the form that is closest to the input, so that one mistake does not read like ten. */
function unionIssues(
  issue: Extract<ZodIssue, { code: "invalid_union" }>,
  path: ConfigurationIssue["path"],
): Iterable<ConfigurationIssue> {
  if ("options" in issue && Array.isArray(issue.options)) return [oneOf(path, issue.options.map(String))]
  const forms = issue.errors.filter(
    (form) => !form.some((each) => each.code === "invalid_type" && each.path.length === 0),
  )
  const nearest = forms.toSorted((left, right) => left.length - right.length)[0]
  if (nearest !== undefined) return issuesOf(nearest, path)
  const expected = issue.errors.flatMap((form) => form.flatMap((each) => ("expected" in each ? [each.expected] : [])))
  return [{ path, message: expected.length === 0 ? "has no valid form" : `must be ${expected.join(" or ")}` }]
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
