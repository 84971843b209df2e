import { readFile, stat } from "node:fs/promises"
import type { JsonSchema } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import type { ProfileProblem } from "../errors.ts"
import { declaredKeys } from "./json-schema-path.ts"
import { fileFault } from "./reference.ts"
import type { Path, Position, YamlTree } from "./yaml-tree.ts"

/** Largest profile, in bytes. */
const mostProfileBytes = 1_048_576

/** Reads the text of a profile, or returns the reason why it cannot be read. */
export async function readProfileText(file: string): Promise<{ text: string } | { message: string }> {
  try {
    const facts = await stat(file)
    if (!facts.isFile()) return { message: "the profile is not a regular file" }
    if (facts.size > mostProfileBytes) return { message: `the profile is larger than ${mostProfileBytes} bytes` }
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file)) }
  } catch (error) {
    return { message: `the profile ${fileFault(error)}` }
  }
}

/** Makes a problem at a known position. */
export function problemAt(
  file: string,
  position: Position,
  path: Path,
  message: string,
  allowed?: readonly string[],
): ProfileProblem {
  return {
    file,
    line: position.line,
    column: position.column,
    path: showPath(path),
    message,
    ...(allowed === undefined || allowed.length === 0 ? {} : { allowed }),
  }
}

/** Turns each zod issue into problems with positions: unknown keys at the key, missing ones at their parent. */
export function problemsOfIssues(
  file: string,
  tree: YamlTree,
  schema: JsonSchema,
  issues: readonly z.core.$ZodIssue[],
): readonly ProfileProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)))
    if (issue.code === "unrecognized_keys") {
      const allowed = declaredKeys(schema, path)
      return issue.keys.map((key) => {
        const keyPath = [...path, key]
        return problemAt(file, tree.position(keyPath, "key"), keyPath, `unknown key \`${key}\``, allowed)
      })
    }
    const allowed = issue.code === "invalid_value" ? issue.values.map(String) : undefined
    const position = tree.position(path, "value")
    if (tree.has(path)) return [problemAt(file, position, path, sayIssue(issue), allowed)]
    return [problemAt(file, position, path, "this key is missing", allowed)]
  })
}

function sayIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_value") return "this value is not allowed"
  return issue.message.replace(/^Invalid input: /, "")
}

/** Writes `["plugins", 0, "name"]` as `plugins[0].name`. */
export function showPath(path: Path): string {
  return path.reduce<string>((shown, part) => {
    if (typeof part === "number") return `${shown}[${part}]`
    return shown === "" ? part : `${shown}.${part}`
  }, "")
}

/** Sorts problems in the order of the file. */
export function inFileOrder(problems: readonly ProfileProblem[]): readonly ProfileProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
}
