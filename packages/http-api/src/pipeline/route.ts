import type { Permission } from "@apeiro-cmk/access"
import { type HostCall, timeBudgets } from "@apeiro-cmk/host-call"
import { boundedIssues, issuesText, parseConfiguration } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { ApiServices } from "../api-services.ts"
import { invalidRequest } from "../errors.ts"
import type { ApiErrorCode } from "../problems/error-status.ts"
import { type Answer, leased } from "./answer.ts"

/** Parts of a request that a route parses, as they came. */
export interface RawRequest {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly ifMatch: string | undefined
  readonly accept: string
}

/** Everything that a handler works with: the request is parsed, and the caller has the permission. */
export interface HandlerContext<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly ifMatch: string | undefined
  /** Whether the caller asked for JSON lines. */
  readonly wantsLines: boolean
  readonly call: HostCall
  readonly services: ApiServices
}

/** Describes the answer of a route that succeeds. */
export interface ResponseSpecification<Response extends z.ZodType> {
  readonly status: 200 | 201 | 202 | 204
  readonly description: string
  /** Absent for 204 and for JSON lines alone. */
  readonly schema?: Response
  /** Describes each JSON line, for a route that can stream. */
  readonly lines?: string
  /** A second status with the same schema. */
  readonly also?: { readonly status: 503; readonly description: string }
  /** Headers beyond the usual ones, with their descriptions. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One route: everything that the server and the OpenAPI document need. */
export interface RouteSpecification<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Response extends z.ZodType,
> {
  readonly method: "get" | "post" | "put" | "delete"
  /** OpenAPI spelling: `/v1/tenants/{tenant_id}`. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  /** Permission of the caller; `public` needs no token. */
  readonly permission: Permission | "public"
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly response: ResponseSpecification<Response>
  /** Codes in addition to those that every such route has. */
  readonly problems: readonly ApiErrorCode[]
  /** Longest time for the whole work, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number
  /** Whether the request must have `If-Match`. */
  readonly needsIfMatch?: boolean
  /** Work of the handler beyond a plain request's, in data keys that would take as long. Default 0. */
  readonly workUnits?: (request: { readonly query: z.output<Query>; readonly body: z.output<Body> }) => number
  /** Set on creation: the part of the answer that may be stored for a repeated `Idempotency-Key`. */
  readonly replay?: (answer: z.output<Response>) => z.output<Response>
  readonly handler: (
    context: HandlerContext<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<Answer<z.input<Response>>>
}

/** A parsed request. */
export interface ParsedRequest {
  /** Work beyond a plain request's. */
  readonly units: number
  run(call: HostCall, services: ApiServices): Promise<Answer<unknown>>
}

/** A route without its type parameters. */
export interface Route
  extends Pick<
    RouteSpecification<z.ZodObject, z.ZodObject, z.ZodType, z.ZodType>,
    "method" | "path" | "summary" | "description" | "permission" | "params" | "query" | "body" | "response" | "problems"
  > {
  readonly timeoutMs: number
  readonly needsIfMatch: boolean
  /** Parses a request. @throws {HttpApiError} INVALID_REQUEST - with every fault at once */
  parse(raw: RawRequest): ParsedRequest
  /** Whether answers are kept for a repeated `Idempotency-Key`. */
  readonly isCreation: boolean
  /** Takes from an answer the part to store. @throws {z.ZodError} the answer is not of the form that the route promises */
  storable(body: unknown): unknown
}

/** Schema of path parameters, query or body that a route does not have. */
export const none = z.strictObject({})

/** Common part of every route that is read without parameters. */
export const plainRead = { method: "get", params: none, query: none, body: none, problems: [] } as const

/** Makes a route. The schemas that validate are the ones that the OpenAPI document shows. */
export function defineRoute<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Response extends z.ZodType,
>(specification: RouteSpecification<Params, Query, Body, Response>): Route {
  const { handler, replay, timeoutMs, needsIfMatch, workUnits, ...shown } = specification
  const { params, query, body, response } = specification
  // An answer that breaks the document's promise is our fault, and may hold what nobody should see.
  const encode = (answer: unknown) => (response.schema === undefined ? undefined : response.schema.parse(answer))
  return {
    ...shown,
    timeoutMs: timeoutMs ?? timeBudgets.request.limitMs,
    needsIfMatch: needsIfMatch ?? false,
    isCreation: replay !== undefined,
    storable: (answer) =>
      replay === undefined || response.schema === undefined ? undefined : replay(response.schema.parse(answer)),
    parse: (raw) => {
      const parts = parseParts({ params, query, body }, raw)
      return {
        units: workUnits?.(parts) ?? 0,
        run: async (call, services) => {
          const wantsLines = raw.accept.includes(linesType)
          const answer = await handler({ ...parts, ifMatch: raw.ifMatch, wantsLines, call, services })
          if (answer.kind === "document") return { ...answer, body: encode(answer.body) }
          if (answer.kind === "leased") return leased((prepare) => answer.give((body) => prepare(encode(body))))
          return answer
        },
      }
    },
  }
}

/** Media type of JSON lines. */
export const linesType = "application/x-ndjson"

interface Parts<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
}

function parseParts<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType>(
  schemas: Parts<Params, Query, Body>,
  raw: Parts<unknown, unknown, unknown>,
): Parts<z.output<Params>, z.output<Query>, z.output<Body>> {
  const params = parseConfiguration(schemas.params, raw.params)
  const query = parseConfiguration(schemas.query, raw.query)
  const body = parseConfiguration(schemas.body, raw.body)
  if (params.ok && query.ok && body.ok) return { params: params.value, query: query.value, body: body.value }
  const issues = boundedIssues([params, query, body].flatMap((part) => (part.ok ? [] : part.issues)))
  throw invalidRequest(`The request is not valid. ${issuesText(issues, "request")}.`, issues)
}
