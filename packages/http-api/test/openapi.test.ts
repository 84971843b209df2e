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

  it("requires every header of an answer but the link to the next part, which the last part lacks", () => {
    const headers = apiRoutes.flatMap((route) => {
      const { responses } = operation.parse(object(made.paths[route.path])[route.method])
      const success = object(responses[`${route.response.status}`])
      return Object.entries(object(success.headers)).map(([name, header]) => ({ name, ...object(header) }))
    })
    const required = (name: string) =>
      headers.filter((each) => each.name === name).map((each) => "required" in each && each.required)
    expect(new Set(required("X-Request-Id"))).toEqual(new Set([true]))
    expect(required("Link").length).toBeGreaterThan(3)
    expect(new Set(required("Link"))).toEqual(new Set([false]))
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

  /** Documents that are one thing, whose arrays something else bounds: never a list that grows with use. */
  const bounded: Readonly<Record<string, string>> = {
    "/v1/health": "the components of the host",
    "/readyz": "the components of the host",
    "/v1/tenants/{tenant_id}/verify": "the quota of service keys",
    "/v1/tenants/{tenant_id}/key-export": "the quota of service keys",
    "/v1/tenants/{tenant_id}/keystores/{keystore_id}/setup-material": "the documents of a plugin",
    "/v1/plugins/{name}/setup-material": "the documents of a plugin",
  }

  it("pages every answer with a list: limit, cursor and a Link to the next part", () => {
    const lists = Object.entries(made.paths).flatMap(([path, operations]) => {
      if (!Object.hasOwn(operations, "get") || Object.hasOwn(bounded, path)) return []
      const described = operation.parse(object(operations).get)
      const schema = described.responses["200"]?.content?.["application/json"]?.schema
      return schema !== undefined && hasList(schema) ? [{ path, described }] : []
    })
    for (const { path, described } of lists) {
      const query = (described.parameters ?? []).filter((each) => each.in === "query")
      expect([path, ...query.map(({ name }) => name)]).toEqual(expect.arrayContaining([path, "limit", "cursor"]))
      expect(query.find(({ name }) => name === "limit")?.schema).toMatchObject({ default: 100, minimum: 1 })
      expect([path, ...Object.keys(object(described.responses["200"]?.headers))]).toContain("Link")
    }
    expect(lists.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["/v1/tenants", "/v1/plugins", "/v1/platform/keystores", "/v1/platform/audit/entries"]),
    )
  })

  /** Tells whether a document has a list of objects at its top. */
  function hasList(schema: Record<string, unknown>): boolean {
    const name = /^#\/components\/schemas\/(.+)$/.exec(String(schema.$ref))?.[1]
    if (name !== undefined) return hasList(made.components.schemas[name] ?? {})
    const members = Object.values(z.record(z.string(), z.looseObject({})).catch({}).parse(schema.properties))
    return schema.type === "array" || members.some(({ type }) => type === "array")
  }
})
