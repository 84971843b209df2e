import { z } from "zod"
import { document } from "../http/answer.ts"
import { openApiDocument } from "../http/openapi.ts"
import { defineRoute, none, type Route } from "../http/route.ts"
import { jsonValue } from "../schemas/common.ts"

/** Serves the OpenAPI document of the routes given and of itself. */
export function createOpenApiRoute(routes: readonly Route[]): Route {
  const made = () => openApiDocument([...routes, self])
  let served: Record<string, unknown> | undefined
  const self: Route = defineRoute({
    method: "get",
    path: "/openapi.json",
    summary: "This document",
    permission: "public",
    params: none,
    query: none,
    body: none,
    response: {
      status: 200,
      description: "OpenAPI 3.1",
      schema: z.record(z.string(), jsonValue).meta({ id: "OpenApiDocument" }),
    },
    problems: [],
    handler: async () => {
      served ??= made()
      return document(served)
    },
  })
  return self
}
