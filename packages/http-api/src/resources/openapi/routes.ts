import * as z from "zod"
import { jsonValue } from "../../fields.ts"
import { openApiDocument } from "../../openapi-document.ts"
import { document } from "../../pipeline/answer.ts"
import { defineRoute, plainRead, type Route } from "../../pipeline/route.ts"

/** Serves the OpenAPI document of the routes given and of itself. */
export function createOpenApiRoute(routes: readonly Route[]): Route {
  const made = () => openApiDocument([...routes, self])
  let served: Record<string, unknown> | undefined
  const self: Route = defineRoute({
    ...plainRead,
    path: "/openapi.json",
    summary: "Get this document",
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
