import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import { boundedIssues, configurationError, issuesText, parseConfiguration, secret } from "../src/index.ts"

/** Only a hang takes this long, in milliseconds. */
const hangMs = 10_000

let looked = 0
const watched = (text: string) => {
  looked += 1
  return text.length > 0
}

const schema = z.strictObject({
  name: z.string().max(20).refine(watched).optional(),
  names: z.array(z.string().max(20).refine(watched)).max(3).optional(),
  login: z
    .union([z.string().max(5), z.strictObject({ user: z.string().max(8), token: z.string().max(30) })])
    .optional(),
  variables: z.record(z.string().max(10).refine(watched), z.string().max(20)).meta({ maxProperties: 4 }).optional(),
  anything: z.unknown().optional(),
  pin: secret().optional(),
})

const refusal = (input: unknown, by: z.ZodType = schema) => {
  looked = 0
  const result = parseConfiguration(by, input)
  return result.ok ? undefined : result.issues
}

const fields = (count: number, name = "field") =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}${index}`, index]))

const nested = (levels: number) => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { in: value }
  return value
}

describe("the size of a document", () => {
  it("is judged before its contents: no rule and no pattern sees what is too large", () => {
    const long = "a".repeat(60_000)
    for (const [input, issue] of [
      [{ name: long }, { path: ["name"], message: "must have at most 20 characters" }],
      [
        { names: Array.from({ length: 9_000 }, () => ({})) },
        { path: ["names"], message: "must have at most 3 entries" },
      ],
      [{ names: ["a", long] }, { path: ["names", 1], message: "must have at most 20 characters" }],
      [{ variables: fields(5) }, { path: ["variables"], message: "must have at most 4 fields" }],
      [{ pin: "p".repeat(65_537) }, { path: ["pin"], message: "must have at most 65536 characters" }],
      [{ anything: nested(100_000) }, { path: expect.any(Array), message: "must have at most 32 levels" }],
      [{ anything: fields(1_001) }, { path: ["anything"], message: "must have at most 1000 fields" }],
      [{ anything: "x".repeat(1_048_577) }, { path: ["anything"], message: "must have at most 1048576 characters" }],
      [{ variables: { ["v".repeat(60_000)]: "x" } }, { message: "has a name of more than 256 characters" }],
    ] as const) {
      expect(refusal(input)).toEqual([expect.objectContaining(issue)])
      expect(looked).toBe(0)
    }
  })

  it("is the widest that one of several forms allows", () => {
    expect(refusal({ login: { user: "u".repeat(8), token: "t".repeat(30) } })).toBeUndefined()
    expect(refusal({ login: { user: "u".repeat(9), token: "t" } })).toEqual([
      { path: ["login", "user"], message: "must have at most 8 characters" },
    ])
  })

  it("follows the names of shared schemas, and schemas that contain themselves", () => {
    const shared = z.string().max(3).meta({ id: "SharedInDocumentSize" })
    const tree: z.ZodType = z.strictObject({
      name: shared.optional(),
      get inner() {
        return tree.optional()
      },
    })
    expect(refusal({ inner: { inner: { name: "four" } } }, tree)).toEqual([
      { path: ["inner", "inner", "name"], message: "must have at most 3 characters" },
    ])
  })

  it(
    "has an end also where one value occurs again and again",
    () => {
      let value: unknown = "x"
      for (let level = 0; level < 30; level++) value = [value, value]
      expect(refusal({ anything: value })).toEqual([{ path: [], message: "must have at most 100000 values" }])
    },
    hangMs,
  )
})

describe("the issues of a document", () => {
  it(
    "are at most 50, and the last one counts the others",
    () => {
      const issues = refusal(fields(29_000))
      expect(issues).toHaveLength(50)
      expect(issues?.at(0)).toEqual({ path: ["field0"], message: "is not a known field" })
      expect(issues?.at(-1)).toEqual({ path: [], message: "and 28951 more faults" })
    },
    hangMs,
  )

  it("are all there when there are 50, whether a rule or the size found them", () => {
    expect(refusal(fields(50))?.map(({ path }) => path)).toEqual(Object.keys(fields(50)).map((name) => [name]))
    expect(refusal(fields(51))?.at(-1)).toEqual({ path: [], message: "and 2 more faults" })
    expect(refusal({ ...fields(49), name: "" })).toHaveLength(50)
    expect(refusal({ ...fields(50), name: "" })?.at(-1)?.message).toBe("and 2 more faults")
  })

  it("keep their count when they are cut again", () => {
    const once = boundedIssues(Array.from({ length: 1_000 }, (_, index) => ({ path: [index], message: "is wrong" })))
    const twice = boundedIssues([{ path: ["first"], message: "is wrong" }, ...once])
    expect(twice).toHaveLength(50)
    expect(twice.at(-1)?.message).toBe("and 952 more faults")
  })

  it("never show a name, a value or a message of any length in full", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 100, maxLength: 200, unit: "binary" }), fc.nat({ max: 60 }), (text, count) => {
        const long = text.repeat(100)
        const input = Object.fromEntries(Array.from({ length: count }, (_, index) => [index + text, long]))
        const issues = refusal({ ...input, name: long, login: { [text]: long }, variables: { [text]: long } }) ?? []
        expect(issues.length).toBeLessThanOrEqual(50)
        for (const { path, message } of issues) {
          expect(Math.max(...path.map((step) => String(step).length), 0)).toBeLessThanOrEqual(83)
          expect(path.join("")).not.toMatch(/\p{Cc}/u)
          expect(message.length).toBeLessThan(400)
        }
        expect(issuesText(issues).length).toBeLessThan(2_100)
        expect(configurationError(issues).message.length).toBeLessThan(2_200)
      }),
      { numRuns: 50 },
    )
  })
})
