import { unboundedParts } from "@apeiro-cmk/plugin-sdk"
import { describe, expect, it } from "vitest"
import { apiRoutes, operationsRoutes } from "../src/routes.ts"

describe("what a route takes", () => {
  it("states the largest size of each text, list and object of path, query and body", () => {
    const unbounded = [...apiRoutes, ...operationsRoutes].flatMap(({ method, path, params, query, body }) =>
      Object.entries({ params, query, body }).flatMap(([part, schema]) =>
        unboundedParts(schema).map((fault) => `${method} ${path}: ${part} ${fault}`),
      ),
    )
    expect(unbounded).toEqual([])
  })
})
