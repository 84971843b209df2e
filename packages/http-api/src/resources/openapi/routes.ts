import * as z from "zod"
import { document } from "../http/answer.ts"
import { openApiDocument } from "../http/openapi.ts"
import { defineRoute, plainRead, type Route } from "../http/route.ts"
import { jsonValue } from "../schemas/common.ts"

/** Serves the OpenAPI document of the routes given and of itself. */
export function createOpenApiRoute(routes: readonly Route[]): Route {
  const made = () => openApiDocument([...routes, self])
  let served: Record<string, unknown> | undefined
  const self: Route = defineRoute({
    ...plainRead,
    path: "/openapi.json",
    summary: "This document",
    permission: "public",
    response: {
      status: 200,
      description: "OpenAPI 3.1",
      schema: z.record(z.string(), jsonValue).meta({ id: "OpenApiDocument" }),
    },
    handler: async () => {
      served ??= made()
      return document(served)
    },
  })
  return self
}
