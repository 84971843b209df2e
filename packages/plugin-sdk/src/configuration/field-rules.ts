import type * as z from "zod"

/** A configuration as it was entered. */
export type Given = Readonly<Record<string, unknown>>

/** A rule between fields; the error is shown at the field. */
export interface FieldRule {
  readonly field: string
  readonly error: string
  readonly holds: (given: Given) => boolean
}

/** Tells whether a field was given. */
export function has(given: Given, field: string): boolean {
  return given[field] !== undefined
}

/** Makes rules that refuse the second and every further one of fields that exclude each other. */
export function atMostOne(fields: readonly string[]): readonly FieldRule[] {
  return fields.flatMap((field, index) =>
    fields.slice(0, index).map((other) => ({
      field,
      error: `must be left out when ${other} is given`,
      holds: (given: Given) => !(has(given, field) && has(given, other)),
    })),
  )
}

/** Makes the rule that a field needs at least one of the others. */
export function goesWith(field: string, others: readonly string[]): FieldRule {
  return {
    field,
    error: `is of no use without ${others.join(" or ")}`,
    holds: (given) => !has(given, field) || others.some((other) => has(given, other)),
  }
}

/** Adds rules between fields to the schema of a configuration; every fault is reported at once. */
export function withRules<Schema extends z.ZodType>(schema: Schema, rules: readonly FieldRule[]): Schema {
  return rules.reduce(
    (ruled, { field, error, holds }) =>
      ruled.refine((given) => holds(given as Given), {
        error,
        path: [field],
        // Also when another field is wrong.
        when: ({ value }) => typeof value === "object" && value !== null,
      }),
    schema,
  )
}
