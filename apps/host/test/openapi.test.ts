import { describe, expect, it } from "vitest"
import * as z from "zod"
import { apiErrorCodes, statusOfCode } from "../src/http/error-status.ts"
import { openApiDocument } from "../src/http/openapi.ts"
import { apiRoutes } from "../src/routes/index.ts"
import { startTestHost } from "./test-host.ts"
import { object } from "./values.ts"

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
/** What the OpenAPI 3.1 specification demands of the objects that we use (§4.8). */
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
  it("is served without a token, and is what the routes say", async () => {
    await using host = await startTestHost()
    const served = await host.client().send("GET", "/openapi.json")
    expect(served.status).toBe(200)
    expect(served.body).toEqual(JSON.parse(JSON.stringify(openApiDocument(apiRoutes))))
  })

  it("has every route with its permission, and each operation a name of its own", () => {
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
