import type { JsonSchema } from "@apeiro-cmk/plugin-interface"
import type { Path } from "./yaml-tree.ts"

/** Returns the schemas that apply to the value at a path; empty when the schema does not know the path. */
export function schemasAt(schema: unknown, path: Path): readonly JsonSchema[] {
  const alternatives = spread(schema)
  const [head, ...rest] = path
  if (head === undefined) return alternatives
  return alternatives.flatMap((alternative) =>
    childSchemas(alternative, head).flatMap((child) => schemasAt(child, rest)),
  )
}

/** Returns the keys that a mapping at the path may have, in the schema's order. */
export function declaredKeys(schema: unknown, path: Path): readonly string[] {
  const keys = schemasAt(schema, path).flatMap(({ properties }) =>
    isRecord(properties) ? Object.keys(properties) : [],
  )
  return [...new Set(keys)]
}

/** Lists every alternative of a schema. It follows no `$ref` into `definitions`: no plugin configuration needs one. */
function spread(schema: unknown): readonly JsonSchema[] {
  if (!isRecord(schema)) return []
  const nested = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list) => (Array.isArray(list) ? list : []))
  return [schema, ...nested.flatMap((alternative) => spread(alternative))]
}

function childSchemas(schema: JsonSchema, key: string | number): readonly unknown[] {
  if (typeof key === "number") return [schema.items]
  if (isRecord(schema.properties) && Object.hasOwn(schema.properties, key)) return [schema.properties[key]]
  return isRecord(schema.additionalProperties) ? [schema.additionalProperties] : []
}

function isRecord(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
