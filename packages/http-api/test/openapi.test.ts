import { describe, expect, it } from "vitest"
import * as z from "zod"
import { apiRoutes, openApiDocument } from "../src/index.ts"
import { apiErrorCodes, statusOfCode } from "../src/problems/error-status.ts"

const object = (value: unknown) => z.record(z.string(), z.unknown()).parse(value)

const parameter = z.looseObject({
  in: z.enum(["path", "query", "header"]),
  name: z.string(),
  schema: z.looseObject({}),
})
const content = z.record(z.string(), z.looseObject({ schema: z.looseObject({}) }))
const response = z.looseObject({ description: z.string().min(1), content: content.optional() })
const operation = z.looseObject({
  operationId: z.string(),
  summary: z.string().min(1),
  "x-permission": z.string(),
  parameters: z.array(parameter).optional(),
  requestBody: z.looseObject({ content }).optional(),
  responses: z.record(z.string().regex(/^[1-5]\d\d$/), response),
})
/** The demands of the OpenAPI 3.1 specification on the objects that we use (§4.8). */
const openApi = z.looseObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  paths: z.record(
    z.string().startsWith("/"),
    z.record(z.enum(["get", "post", "put", "delete"]), operation).or(z.looseObject({})),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
})

const made = openApi.parse(openApiDocument(apiRoutes))

describe("openapi", () => {
  it("has every route with its permission, and each operation with its own name", () => {
    const names = apiRoutes.map((route) => {
      const described = operation.parse(object(made.paths[route.path])[route.method])
      expect(described["x-permission"]).toBe(route.permission)
      return described.operationId
    })
    expect(new Set(names).size).toBe(names.length)
  })

  it("declares each path parameter, and resolves each reference", () => {
    for (const route of apiRoutes) {
      const described = operation.parse(object(made.paths[route.path])[route.method])
      const inPath = (described.parameters ?? []).filter((each) => each.in === "path").map((each) => each.name)
      expect(inPath.toSorted()).toEqual([...route.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).toSorted())
    }
    const references = [...JSON.stringify(made).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      (found) => found[1] ?? "",
    )
    expect(references.length).toBeGreaterThan(10)
    for (const name of references) expect(Object.keys(made.components.schemas)).toContain(name)
  })

  it("names the problem codes of each route under their status", () => {
    for (const route of apiRoutes) {
      const described = operation.parse(object(made.paths[route.path])[route.method])
      for (const code of route.problems) {
        expect(described.responses[String(statusOfCode(code))]?.description).toContain(code)
      }
    }
  })

  it("gives every error code a status of its class", () => {
    for (const code of apiErrorCodes) expect(statusOfCode(code)).toBeGreaterThanOrEqual(400)
    expect(statusOfCode("NO_SUCH_CODE")).toBe(500)
  })
})
