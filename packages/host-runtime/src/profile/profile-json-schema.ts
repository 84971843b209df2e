import type { JsonSchema, JsonValue } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { profileSchema } from "./profile-schema.ts"
import { referenceSchema } from "./reference.ts"

const plainData = z.json()

/** The JSON Schema (draft 7) of a profile, for editors. Where a reference may stand, it says so. */
export function profileJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(profileSchema, {
    io: "input",
    target: "draft-7",
    override: ({ jsonSchema }) => {
      if ("isReference" in jsonSchema) {
        const { description } = jsonSchema
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key]
        // Beside a $ref draft 7 reads nothing.
        Object.assign(jsonSchema, { description, allOf: [{ $ref: "#/definitions/reference" }] })
      }
      if (!("acceptsReference" in jsonSchema)) return
      const { acceptsReference: _marker, description, default: preset, ...plain } = jsonSchema
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key]
      Object.assign(jsonSchema, {
        ...(description === undefined ? {} : { description }),
        ...(preset === undefined ? {} : { default: preset }),
        anyOf: [plain, { $ref: "#/definitions/reference" }],
      })
    },
  })
  const { $schema: _dialect, ...reference } = z.toJSONSchema(referenceSchema, { io: "input", target: "draft-7" })
  return asJsonSchema({ ...schema, definitions: { reference } })
}

function asJsonSchema(value: unknown): JsonSchema {
  const schema = plainData.parse(JSON.parse(JSON.stringify(value)))
  if (isMapping(schema)) return schema
  throw new TypeError("not a JSON Schema")
}

function isMapping(value: JsonValue): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
