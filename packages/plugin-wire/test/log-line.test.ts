import { describe, expect, it } from "vitest"
import { readLogLine, writeLogLine } from "../src/index.ts"

const atMs = Date.parse("2026-01-02T03:04:05.123Z")

describe("a line of the log", () => {
  it("is JSON whose own members are text, with six digits after the dot", () => {
    const line = writeLogLine(
      { level: "warn", message: 'a "quoted"\nmessage', fields: { code: "DENIED", tries: 3 } },
      atMs,
    )
    expect(line).toMatch(/^[^\n]+\n$/)
    expect(JSON.parse(line)).toEqual({
      "@level": "warn",
      "@message": 'a "quoted"\nmessage',
      "@timestamp": "2026-01-02T03:04:05.123000Z",
      code: "DENIED",
      tries: 3,
    })
  })

  it("lets no field replace its own members, which would end a Go host", () => {
    const fields = { "@level": 30, "@message": { a: 1 }, "@timestamp": null, "@module": "kept" }
    expect(JSON.parse(writeLogLine({ level: "info", message: "m", fields }, atMs))).toEqual({
      "@level": "info",
      "@message": "m",
      "@timestamp": "2026-01-02T03:04:05.123000Z",
      "@module": "kept",
    })
  })

  it("stays below a host's limit, and says that it was cut", () => {
    const line = writeLogLine(
      { level: "error", message: "m".repeat(100_000), fields: { more: "x".repeat(100_000) } },
      atMs,
    )
    expect(Buffer.byteLength(line)).toBeLessThan(65_536)
    expect(JSON.parse(line)).toMatchObject({ "@level": "error", truncated: true })
  })

  it.each([
    [
      "JSON",
      '{"@level":"WARN","@message":"m","@timestamp":"t","a":1}',
      { level: "warn", message: "m", fields: { a: 1 } },
    ],
    [
      "a level that is a number",
      '{"@level":30,"@message":"m"}',
      { level: "debug", message: '{"@level":30,"@message":"m"}' },
    ],
    ["a level that is unknown", '{"@level":"fatal","@message":"m"}', { level: "debug" }],
    ["a message that is not text", '{"@level":"info","@message":{}}', { level: "debug" }],
    ["broken JSON", '{"@level":"info"', { level: "debug", message: '{"@level":"info"' }],
    ["JSON that is not an object", "[1]", { level: "debug", message: "[1]" }],
    ["a prefix", "[ERROR] it broke", { level: "error", message: "it broke" }],
    ["a panic of Go", "panic: runtime error", { level: "error", message: "panic: runtime error" }],
    ["anything else", "    at foo (bar.js:1:2)", { level: "debug", message: "    at foo (bar.js:1:2)" }],
  ])("is read: %s", (_name, line, expected) => {
    expect(readLogLine(line)).toMatchObject(expected)
  })
})
