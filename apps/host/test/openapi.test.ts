import { apiRoutes, openApiDocument } from "@apeiro-cmk/http-api"
import { describe, expect, it } from "vitest"
import { startTestHost } from "./test-host.ts"

describe("openapi", () => {
  it("is served without a token, and describes the routes", async () => {
    await using host = await startTestHost()
    const served = await host.client().send("GET", "/openapi.json")
    expect(served.status).toBe(200)
    expect(served.body).toEqual(JSON.parse(JSON.stringify(openApiDocument(apiRoutes))))
  })
})
