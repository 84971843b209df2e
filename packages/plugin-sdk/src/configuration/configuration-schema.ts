import type { AnyPluginDefinition, JsonSchema, JsonValue } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { type SizeRule, sizeRuleOf } from "./size-rule.ts"

/**
 * Returns the JSON Schema (draft 7) of a configuration in its written form.
 * @throws {Error} the schema has a part that JSON Schema cannot express
 */
export function configurationJsonSchema(schema: z.ZodType): JsonSchema {
  return written(schema, "throw")
}

const rules = new WeakMap<z.ZodType, SizeRule>()

/** Returns how large a document of a schema may be; a part that JSON Schema cannot express has the general bounds. */
export function sizeRule(schema: z.ZodType): SizeRule {
  const known = rules.get(schema)
  if (known !== undefined) return known
  const made = sizeRuleOf(written(schema, "any"))
  rules.set(schema, made)
  return made
}

/** Lists the parts of a schema that state no bound. */
export function unboundedParts(schema: z.ZodType): readonly string[] {
  const whole = written(schema, "any")
  const shared = isJsonObject(whole.definitions) ? Object.entries(whole.definitions) : []
  const named = shared.flatMap(([name, part]) => (isJsonObject(part) ? [...walk(part, [name])] : []))
  return [...walk(whole, []), ...named].flatMap(({ node, path }) =>
    missingBounds(node).map((missing) => `${path.join(".")} ${missing}`),
  )
}

function written(schema: z.ZodType, unrepresentable: "any" | "throw"): JsonSchema {
  const made = z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable })
  const parsed: unknown = JSON.parse(JSON.stringify(made))
  if (!isJsonObject(parsed)) throw new Error("A configuration schema must describe an object.")
  return parsed
}

/**
 * Lists the top-level fields of a keystore configuration that are secrets (`writeOnly: true`), which the host moves to the
 * credential store before it persists anything.
 */
export function secretFields(source: AnyPluginDefinition | JsonSchema | z.ZodType): readonly string[] {
  return [
    ...new Set(topLevelProperties(jsonSchemaOf(source)).flatMap(([name, field]) => (isSecret(field) ? name : []))),
  ]
}

function jsonSchemaOf(source: AnyPluginDefinition | JsonSchema | z.ZodType): JsonSchema {
  if (isZodSchema(source)) return configurationJsonSchema(source)
  if (!("manifest" in source) || !("create" in source)) return source as JsonSchema
  const { manifest } = source as AnyPluginDefinition
  return manifest.kind === "keystore" ? manifest.keystoreConfigurationSchema : {}
}

/** By its marker rather than its class: a plugin may have its own installed copy of zod. */
function isZodSchema(source: object): source is z.ZodType {
  return "_zod" in source
}

/** The fields of an object schema and of its alternative forms. */
export function topLevelProperties(schema: JsonSchema): readonly (readonly [string, JsonSchema])[] {
  const own = isJsonObject(schema.properties) ? Object.entries(schema.properties) : []
  const fields = own.flatMap(([name, field]) => (isJsonObject(field) ? [[name, field] as const] : []))
  return [...fields, ...alternatives(schema).flatMap(topLevelProperties)]
}

/**
 * Lists the parts of a configuration schema that would accept bad input: objects that take unknown fields, texts, lists
 * and objects without a bound, hidden secrets.
 */
export function schemaFaults(schema: JsonSchema): readonly string[] {
  const faults: string[] = []
  if (topLevelProperties(schema).length === 0 && schema.type !== "object" && alternatives(schema).length === 0) {
    faults.push("must describe an object")
  }
  for (const { node, path } of walk(schema, [])) {
    if (isJsonObject(node.properties) && node.additionalProperties !== false) {
      faults.push(`${path.join(".") || "the document"} takes unknown fields: use z.strictObject`)
    }
    for (const missing of missingBounds(node)) faults.push(`${path.join(".") || "the document"} ${missing}`)
    if (typeof node.$ref === "string") {
      faults.push(`${path.join(".") || "the document"} is a reference: use no recursion and no id in meta()`)
    }
    if (isSecret(node) && path.length > 1) {
      faults.push(`${path.join(".")} is a secret below the top level, where the host would not find it`)
    }
  }
  return faults
}

/** Lists what lets a part of a document be of any size; a text of a list of values has a bound. */
function missingBounds(node: JsonSchema): readonly string[] {
  const isListed = node.enum !== undefined || node.const !== undefined
  const isOpen = node.properties === undefined || isJsonObject(node.additionalProperties)
  return [
    ...(node.type === "string" && !isListed && node.maxLength === undefined
      ? ["has no longest length: use .max()"]
      : []),
    ...(node.type === "array" && node.maxItems === undefined ? ["has no largest number of entries: use .max()"] : []),
    ...(node.type === "object" && isOpen && node.additionalProperties !== false && node.maxProperties === undefined
      ? ["has no largest number of fields: use .meta({ maxProperties })"]
      : []),
  ]
}

function* walk(node: JsonSchema, path: readonly string[]): Generator<{ node: JsonSchema; path: readonly string[] }> {
  yield { node, path }
  for (const form of alternatives(node)) yield* walk(form, path)
  const children = isJsonObject(node.properties) ? Object.entries(node.properties) : []
  const elements = [node.items, node.additionalProperties].map((child) => ["*", child] as const)
  for (const [name, child] of [...children, ...elements]) {
    for (const each of Array.isArray(child) ? child : [child])
      if (isJsonObject(each)) yield* walk(each, [...path, name])
  }
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  return [schema.anyOf, schema.oneOf, schema.allOf].flatMap((forms) =>
    Array.isArray(forms) ? forms.filter(isJsonObject) : [],
  )
}

/** True also where only one of several forms carries the mark, as for a nullable secret. */
export function isSecret(field: JsonSchema): boolean {
  return field.writeOnly === true || alternatives(field).some(isSecret)
}

function isJsonObject(value: unknown): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
