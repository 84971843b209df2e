import { expect, it } from "vitest"
import { newRequestId } from "../src/serve/request-id.ts"

it("a request id is a UUID of version 7, and sorts by its time", () => {
  const earlier = newRequestId(Date.parse("2026-01-02T03:04:05.006Z"))
  const later = newRequestId(Date.parse("2026-01-02T03:04:05.007Z"))
  expect(earlier).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(Number.parseInt(earlier.replaceAll("-", "").slice(0, 12), 16)).toBe(Date.parse("2026-01-02T03:04:05.006Z"))
  expect(earlier < later).toBe(true)
})
