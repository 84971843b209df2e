import { describe, expect, it } from "vitest"
import { createLogger } from "../src/pino-logger.ts"

describe("the host's logger", () => {
  const lines: string[] = []
  const logger = createLogger({ level: "info", destination: { write: (line: string) => void lines.push(line) } })

  it("writes no field with the name of a secret, at the top or one level below", () => {
    const canary = "canary-5e1f"
    logger.warn("refused", { code: "DENIED", token: canary, request: { authorization: canary, path: "/v1" } })
    expect(lines.at(-1)).not.toContain(canary)
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({
      code: "DENIED",
      token: "[redacted]",
      request: { authorization: "[redacted]", path: "/v1" },
      msg: "refused",
    })
  })

  it("leaves lists and plain values as they are", () => {
    logger.info("read", { tenants: ["acme", "demo"], count: 2, isReady: true })
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ tenants: ["acme", "demo"], count: 2, isReady: true })
  })
})
