import { callerError, HostError } from "../errors.ts"
import type { Route } from "./route.ts"

/** Knows every path, for saying what is wrong with a request that no route took. */
export interface PathTable {
  /** METHOD_NOT_ALLOWED with the methods that there are, or ROUTE_NOT_FOUND. */
  refusal(path: string): HostError
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
      return new HostError("METHOD_NOT_ALLOWED", "This path has no such method.", {
        origin: "caller",
        retryable: false,
        nextStep: `Use ${allowedMethods.join(" or ")}.`,
        allowedMethods,
      })
    },
  }
}
