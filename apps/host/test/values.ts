import * as z from "zod"

/** Takes a text from an answer. */
export function text(value: unknown): string {
  return z.string().parse(value)
}

/** Takes a list of objects from an answer. */
export function objects(value: unknown): readonly Record<string, unknown>[] {
  return z.array(z.record(z.string(), z.unknown())).parse(value)
}

/** Takes an object from an answer. */
export function object(value: unknown): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(value)
}
