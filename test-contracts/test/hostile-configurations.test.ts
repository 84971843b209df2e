import type { ConfigurationParser } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { assertNumbersAreBounded, assertTextsAreBounded, textFields } from "../src/cases/hostile-configurations.ts"

const schema = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 10_000 },
    servers: { type: "array", items: { anyOf: [{ type: "integer" }, { type: "string", maxLength: 20 }] } },
    modules: {
      type: "object",
      additionalProperties: { type: "object", properties: { file: { type: "string", maxLength: 30 } } },
    },
  },
}

const seen: string[] = []
const parserOf = (
  judge: (given: Readonly<Record<string, unknown>>) => string | undefined,
): ConfigurationParser<unknown> => ({
  parse(input) {
    const given: Readonly<Record<string, unknown>> = { ...Object(input) }
    const message = judge(given)
    return message === undefined ? { ok: true, value: given } : { ok: false, issues: [{ path: [], message }] }
  },
})

describe("the hostile texts of the kit", () => {
  it("reach every text of a configuration, at every depth and through every form", async () => {
    expect(textFields(schema).map(({ path }) => path.join("."))).toEqual(["name", "servers.0", "modules.any.file"])
    const parser = parserOf((given) => {
      seen.push(...Object.keys(given))
      for (const [field, value] of Object.entries(given)) {
        const text: unknown = JSON.parse(JSON.stringify(value), (_, each: unknown) => each)
        if (field === "servers") expect(text).toEqual([expect.any(String)])
        if (field === "modules") expect(text).toEqual({ any: { file: expect.any(String) } })
      }
      return undefined
    })
    await assertTextsAreBounded(parser, schema, {})
    expect(new Set(seen)).toEqual(new Set(["name", "servers", "modules"]))
  })

  it("find a pattern that tries one text in many ways", async () => {
    const slow = parserOf(({ name }) => {
      const isRead = typeof name !== "string" || /^\P{C}*[^\s\p{C}]\P{C}*$/u.test(name.slice(0, 10_000))
      return isRead ? undefined : "must be one line"
    })
    await expect(assertTextsAreBounded(slow, schema, {}, 10)).rejects.toThrow(/name: .* the parser needs \d+ ms/)
  })

  it("find a refusal that repeats the text", async () => {
    const telling = parserOf(({ name }) => (typeof name === "string" ? `must not be ${name}` : undefined))
    await expect(assertTextsAreBounded(telling, schema, {})).rejects.toThrow("in an issue")
  })

  it("find a refusal that names every field", async () => {
    const thorough: ConfigurationParser<unknown> = {
      parse: (input) => ({
        ok: false,
        issues: Object.keys(Object(input)).map((name) => ({ path: [name], message: "?" })),
      }),
    }
    await expect(assertNumbersAreBounded(thorough, {})).rejects.toThrow("29000 issues, and 50 are the most")
  })
})
