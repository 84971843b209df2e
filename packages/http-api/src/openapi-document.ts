import * as z from "zod"
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiRequestBodyObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from "zod-openapi"
import { saneIdempotencyKey } from "./pipeline/idempotency-key.ts"
import { linesType, none, type Route } from "./pipeline/route.ts"
import { type ApiErrorCode, statusOfCode } from "./problems/error-status.ts"
import { problemDocument } from "./problems/problem-document.ts"

/** Makes the OpenAPI 3.1 document of some routes from the schemas that validate their requests and answers. */
export function openApiDocument(routes: readonly Route[]): Record<string, unknown> {
  const paths: ZodOpenApiPathsObject = {}
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) }
  const made = createDocument({
    openapi: "3.1.0",
    info: {
      title: "Apeiro CMK host",
      version: "1.0.0",
      description:
        "Key custody for the tenants of a platform: L1 keys stay in the tenants' keystores, data keys come from here. " +
        "Every error is a problem of RFC 9457 with a stable `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "The administrator's token, or a token of a tenant" },
      },
    },
    paths,
  })
  return { ...made }
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const hasBody = route.body !== none
  const query = route.query === none ? {} : { query: route.query }
  const path = route.params === none ? {} : { path: route.params }
  const header = headersOf(route)
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    description: [route.description, `Permission: \`${route.permission}\`.`].filter(Boolean).join("\n\n"),
    "x-permission": route.permission,
    ...(route.permission === "public" ? { security: [] } : {}),
    requestParams: { ...path, ...query, ...(header === undefined ? {} : { header }) },
    ...(hasBody ? { requestBody: bodyOf(route.body) } : {}),
    responses: { ...successesOf(route), ...problemsOf(route, hasBody) },
  }
}

/** A body is optional where an empty object is valid. */
function bodyOf(schema: z.ZodType): ZodOpenApiRequestBodyObject {
  return { required: !schema.safeParse({}).success, content: { "application/json": { schema } } }
}

function operationIdOf({ method, path }: Route): string {
  const words = path.split("/").filter((word) => word !== "" && word !== "v1")
  return [method, ...words.map((word) => word.replaceAll(/[{}]/g, ""))].join("_").replaceAll(/[^a-z_]/g, "_")
}

function headersOf(route: Route): z.ZodObject | undefined {
  const ifMatch = z
    .string()
    .min(1)
    .meta({ description: "The ETag of what is changed", examples: ['"mie6l4lc-3"'] })
  const idempotencyKey = z.string().regex(saneIdempotencyKey).optional()
  const description =
    "A repeated request with the same key and body gets the first answer for a day and creates nothing"
  if (route.needsIfMatch) return z.object({ "If-Match": ifMatch })
  if (route.isCreation) return z.object({ "Idempotency-Key": idempotencyKey.meta({ description }) })
  return undefined
}

function successesOf({ response }: Route): ZodOpenApiResponsesObject {
  const { schema, lines, status, also } = response
  const named = Object.entries(response.headers ?? {})
  const usual = [
    ["X-Request-Id", "Id of the request"],
    ...(status === 201 ? [["Location", "Where it can be read"]] : []),
  ]
  const headers = z.object(
    Object.fromEntries([...usual, ...named].map(([name = "", description = ""]) => [name, headerOf(description)])),
  )
  const content = {
    ...(schema === undefined ? {} : { "application/json": { schema } }),
    ...(lines === undefined ? {} : { [linesType]: { schema: { type: "string", description: lines } as const } }),
  }
  const success: ZodOpenApiResponseObject = {
    description: response.description,
    headers,
    ...(Object.keys(content).length === 0 ? {} : { content }),
  }
  return {
    [`${status}`]: success,
    ...(also === undefined ? {} : { [`${also.status}`]: { ...success, description: also.description } }),
  }
}

/** A header is optional where its description says when it is absent. */
function headerOf(description: string): z.ZodType {
  const header = z.string().meta({ description })
  return description.includes("absent") ? header.optional() : header
}

function problemsOf(route: Route, hasBody: boolean): ZodOpenApiResponsesObject {
  if (route.permission === "public" && route.problems.length === 0) return {}
  const codes = Map.groupBy(codesOf(route, hasBody), (code) => statusOfCode(code))
  const responses = [...codes].map(([status, those]) => {
    const description = those.map((code) => `\`${code}\``).join(", ")
    return [`${status}`, { description, content: { "application/problem+json": { schema: problemDocument } } }] as const
  })
  return Object.fromEntries(responses)
}

/** Lists every code that a route may answer with. */
function codesOf(route: Route, hasBody: boolean): readonly ApiErrorCode[] {
  return [
    ...new Set<ApiErrorCode>([
      "INVALID_REQUEST",
      "UNAUTHENTICATED",
      "FORBIDDEN",
      ...(route.path.includes("{tenant_id}") ? (["TENANT_NOT_FOUND"] as const) : []),
      ...(hasBody ? (["BODY_TOO_LARGE", "CONTENT_TYPE_UNSUPPORTED"] as const) : []),
      ...(route.needsIfMatch ? (["PRECONDITION_REQUIRED", "REVISION_MISMATCH"] as const) : []),
      ...(route.isCreation
        ? (["IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_KEYS_EXHAUSTED"] as const)
        : []),
      ...route.problems,
      "INTERNAL",
      "AUDIT_UNAVAILABLE",
      "AUDIT_QUEUE_FULL",
      "DATABASE_UNAVAILABLE",
      "DATABASE_COMMIT_UNCERTAIN",
      "DATABASE_FULL",
      "SHUTTING_DOWN",
      "TOO_MANY_REQUESTS",
      "TIMED_OUT",
    ]),
  ]
}
