import { inspect } from "node:util"

/** Returns all that a log, a debugger or an API answer could show of a value: its printed form, and every text and byte below it. */
export function everythingOf(value: unknown): string {
  const printed = inspect(value, { depth: 12, showHidden: true, maxStringLength: Number.POSITIVE_INFINITY })
  return [printed, ...textsBelow(value, new Set())].join("\n")
}

function textsBelow(value: unknown, seen: Set<unknown>): readonly string[] {
  if (typeof value === "string") return [value]
  if (typeof value !== "object" || value === null || seen.has(value)) return []
  seen.add(value)
  if (value instanceof Uint8Array) return [Buffer.from(value).toString("hex"), Buffer.from(value).toString("utf8")]
  const entries = value instanceof Map || value instanceof Set ? [...value] : []
  // Not by `in` alone: message, stack and cause of an error are not enumerable.
  const own = Object.getOwnPropertyNames(value).map((name): unknown => Reflect.get(value, name))
  return [...entries, ...own].flatMap((child) => textsBelow(child, seen))
}
