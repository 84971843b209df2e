import { callerError, HttpApiError } from "../errors.ts"
import type { Route } from "./route.ts"

/** Knows every path, and explains why no route serves a request. */
export interface PathTable {
  /** Makes METHOD_NOT_ALLOWED with the methods of the path, or ROUTE_NOT_FOUND. */
  refusal(path: string): HttpApiError
}

/** Makes a {@link PathTable}. */
export function createPathTable(routes: readonly Route[]): PathTable {
  const known = routes.map((route) => ({
    pattern: new RegExp(`^${route.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
    method: route.method.toUpperCase(),
  }))
  return {
    refusal: (path) => {
      const methods = known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
      if (methods.length === 0) {
        return callerError("ROUTE_NOT_FOUND", "There is no such path.", "GET /openapi.json lists every path.")
      }
      const allowedMethods = [...new Set(methods.includes("GET") ? [...methods, "HEAD"] : methods)].toSorted()
      return new HttpApiError("METHOD_NOT_ALLOWED", "This path does not have that method.", {
        origin: "caller",
        retryable: false,
        nextStep: `Use ${allowedMethods.join(" or ")}.`,
        allowedMethods,
      })
    },
  }
}
