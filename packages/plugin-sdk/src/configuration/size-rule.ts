import type { JsonSchema, JsonValue } from "@apeiro-cmk/plugin-interface"

/** Bounds for the parts of a document about which its schema says nothing. */
const generalBounds = { maxLength: 1_048_576, maxItems: 10_000, maxProperties: 1_000 } as const

/** How large one part of a document may be: the widest bounds of all forms that it may have. */
export class SizeRule {
  readonly maxLength: number
  readonly maxItems: number
  readonly maxProperties: number
  /** Names of the fields, where there may be no others. */
  readonly onlyFields: ReadonlySet<string> | undefined
  readonly #forms: readonly JsonSchema[]
  readonly #definitions: JsonSchema
  readonly #fields = new Map<string, SizeRule>()
  #entries: SizeRule | undefined

  constructor(schemas: readonly JsonSchema[], definitions: JsonSchema) {
    const forms = schemas.flatMap((schema) => formsOf(schema, definitions))
    this.#forms = forms
    this.#definitions = definitions
    this.maxLength = widest(forms, "string", "maxLength")
    this.maxItems = widest(forms, "array", "maxItems")
    this.maxProperties = widest(forms, "object", "maxProperties")
    const objects = forms.filter(({ type }) => type === "object")
    const isClosed = objects.length > 0 && objects.every((form) => form.additionalProperties === false)
    this.onlyFields = isClosed ? new Set(objects.flatMap((form) => Object.keys(propertiesOf(form)))) : undefined
  }

  /** Returns the rule for a field of this part. */
  field(name: string): SizeRule {
    const isNamed = this.#forms.some((form) => Object.hasOwn(propertiesOf(form), name))
    const kept = isNamed ? name : ""
    const known = this.#fields.get(kept)
    if (known !== undefined) return known
    const made = this.#inner((form) => {
      const properties = propertiesOf(form)
      return [Object.hasOwn(properties, name) ? properties[name] : form.additionalProperties]
    })
    this.#fields.set(kept, made)
    return made
  }

  /** Returns the rule for the entries of a list. */
  entry(): SizeRule {
    this.#entries ??= this.#inner(({ items }) => (Array.isArray(items) ? items : [items]))
    return this.#entries
  }

  /** Made only when a document has such a part: a schema may contain itself. */
  #inner(partsOf: (form: JsonSchema) => readonly (JsonValue | undefined)[]): SizeRule {
    return new SizeRule(this.#forms.flatMap(partsOf).filter(isObject), this.#definitions)
  }
}

/** Makes the rule of a whole document from its JSON Schema, draft 7. */
export function sizeRuleOf(schema: JsonSchema): SizeRule {
  return new SizeRule([schema], isObject(schema.definitions) ? schema.definitions : {})
}

/** A schema, and the alternatives that it names. */
function formsOf(schema: JsonSchema, definitions: JsonSchema): readonly JsonSchema[] {
  const { $ref, anyOf, oneOf, allOf } = schema
  const named = typeof $ref === "string" ? definitions[$ref.replace("#/definitions/", "")] : undefined
  const inner = [named, ...[anyOf, oneOf, allOf].flatMap((forms) => (Array.isArray(forms) ? forms : []))]
  return [schema, ...inner.filter(isObject).flatMap((form) => formsOf(form, definitions))]
}

function widest(forms: readonly JsonSchema[], type: string, keyword: keyof typeof generalBounds): number {
  const general = generalBounds[keyword]
  const stated = forms.filter((form) => form.type === type).map((form) => form[keyword])
  return stated.length === 0 ? general : Math.max(...stated.map((most) => (typeof most === "number" ? most : general)))
}

function propertiesOf({ properties }: JsonSchema): JsonSchema {
  return isObject(properties) ? properties : {}
}

function isObject(value: JsonValue | undefined): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
