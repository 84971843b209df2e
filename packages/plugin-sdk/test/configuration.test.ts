import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import {
  configurationError,
  isSecretHandle,
  parseConfiguration,
  requireConfiguration,
  secret,
  secretFromBytes,
} from "../src/index.ts"

const schema = z.strictObject({
  address: z.string().min(3),
  auth_method: z.enum(["approle", "token"]),
  connections: z.number().int().min(1).max(64).default(16),
  token: secret().optional(),
  tls: z.strictObject({ ca: z.string().optional() }).optional(),
})

const issuesOf = (input: unknown, by: z.ZodType = schema) => {
  const result = parseConfiguration(by, input)
  return result.ok ? [] : result.issues
}

describe("parseConfiguration", () => {
  it("returns the value with its defaults", () => {
    expect(parseConfiguration(schema, { address: "https://vault", auth_method: "token" })).toEqual({
      ok: true,
      value: { address: "https://vault", auth_method: "token", connections: 16 },
    })
  })

  it("says in plain words what is too short, too long or of another kind", () => {
    const wrong = { address: "", auth_method: "token", connections: 0, tls: { ca: 7 } }
    expect(issuesOf(wrong).map(({ path, message }) => `${path.join(".")} ${message}`)).toEqual([
      "address must have at least 3 characters",
      "connections must be at least 1",
      "tls.ca must be text",
    ])
    const lists = z.strictObject({ name: z.string().min(1), hosts: z.array(z.string()).max(1), on: z.boolean() })
    expect(issuesOf({ name: "", hosts: ["a"], on: "yes" }, lists).map(({ message }) => message)).toEqual([
      "must not be empty",
      "must be true or false",
    ])
    expect(issuesOf({ name: "", hosts: ["a", "b"], on: "yes" }, lists)).toEqual([
      { path: ["hosts"], message: "must have at most 1 entries" },
    ])
  })

  it("names every issue at once, with path and allowed values", () => {
    expect(issuesOf({ auth_method: "kerberos", connections: 65, tls: { cert: "x" }, tokn: "x", adress: "y" })).toEqual([
      { path: ["address"], message: "is missing" },
      { path: ["auth_method"], message: "must be one of: approle, token", allowed: ["approle", "token"] },
      { path: ["connections"], message: expect.stringContaining("64") },
      { path: ["tls", "cert"], message: "is not a known field" },
      { path: ["tokn"], message: "is not a known field" },
      { path: ["adress"], message: "is not a known field" },
    ])
  })

  it("says so where the document is not an object", () => {
    for (const input of [null, undefined, "text", 7, []]) expect(issuesOf(input)).toMatchObject([{ path: [] }])
  })

  it("treats the names of JavaScript's own properties as unknown fields", () => {
    const input: unknown = JSON.parse(
      '{"address":"abc","auth_method":"token","__proto__":{"connections":99},"constructor":1,"toString":2}',
    )
    expect(issuesOf(input).map((issue) => issue.path.join())).toEqual(
      expect.arrayContaining(["constructor", "toString"]),
    )
    expect(
      issuesOf(JSON.parse('{"address":"abc","auth_method":"token","__proto__":{"connections":99}}')),
    ).toMatchObject([{ path: ["__proto__"] }])
    expect(Object.hasOwn(Object.prototype, "connections")).toBe(false)
  })

  it("reports the closest form where several are possible", () => {
    const reference = z.union([z.string(), z.strictObject({ source: z.literal("env"), env: z.string() })])
    expect(issuesOf({ source: "env" }, reference)).toEqual([{ path: ["env"], message: "is missing" }])
    expect(issuesOf(7, reference)).toEqual([{ path: [], message: "must be string or object" }])
    const byMethod = z.discriminatedUnion("method", [
      z.strictObject({ method: z.literal("a") }),
      z.strictObject({ method: z.literal("b") }),
    ])
    expect(issuesOf({ method: "c" }, byMethod)).toEqual([
      { path: ["method"], message: "must be one of: a, b", allowed: ["a", "b"] },
    ])
  })

  it("keeps hostile field names short and printable", () => {
    const [issue] = issuesOf({ address: "abc", auth_method: "token", [`a\n\u001b[31m${"x".repeat(500)}`]: 1 })
    expect(String(issue?.path[0])).toMatch(/^a\?\?\[31mx{1,80}\.\.\.$/)
  })

  it("never throws and never repeats a value", () => {
    const canary = "canary-5d1e"
    const value = fc.oneof(fc.constant(canary), fc.constant([canary]), fc.constant({ k: canary }), fc.jsonValue())
    const input = fc.dictionary(
      fc.constantFrom("address", "auth_method", "connections", "token", "tls", "other"),
      value,
    )
    fc.assert(fc.property(input, (document) => !JSON.stringify(issuesOf({ ...document, address: 1 })).includes(canary)))
    fc.assert(fc.property(fc.anything(), (document) => issuesOf(document).length > 0))
  })
})

describe("configurationError", () => {
  it("is INVALID_REQUEST with each issue by its path", () => {
    const wrong = { auth_method: "x", address: "abc" }
    expect(() => requireConfiguration(schema, wrong)).toThrow(
      expect.objectContaining({ code: "INVALID_REQUEST", origin: "caller", issues: issuesOf(wrong) }),
    )
    const error = configurationError([
      { path: ["plugins", 0, "name"], message: "is missing" },
      { path: [], message: "is odd" },
    ])
    expect(error.message).toContain("plugins[0].name: is missing; configuration: is odd")
  })
})

describe("secret", () => {
  const one = z.strictObject({ token: secret() })
  const handleOf = (token: unknown) => requireConfiguration(one, { token }).token

  it("is a handle, out of reach of JSON and inspection", async () => {
    const handle = handleOf("hunter2-canary")
    expect(isSecretHandle(handle)).toBe(true)
    const { inspect } = await import("node:util")
    expect(JSON.stringify(handle) + inspect(handle, { depth: 9, showHidden: true })).not.toContain("hunter2")
    expect(Buffer.from(await handle.read(AbortSignal.timeout(1000))).toString()).toBe("hunter2-canary")
  })

  it("returns a copy at each read, so that a zeroed one does no harm", async () => {
    const handle = handleOf("hunter2")
    const first = await handle.read(AbortSignal.timeout(1000))
    first.fill(0)
    expect(Buffer.from(await handle.read(AbortSignal.timeout(1000))).toString()).toBe("hunter2")
  })

  it("has a version that changes with the secret and does not reveal it", () => {
    expect(handleOf("a").version).toBe(handleOf("a").version)
    expect(handleOf("a").version).not.toBe(handleOf("b").version)
  })

  it("passes a handle of the host through", () => {
    const handle = { version: "3", read: async () => new Uint8Array() }
    expect(handleOf(handle)).toBe(handle)
  })

  it("refuses anything else without repeating it", () => {
    for (const token of ["", 7, null, {}, { set: true, version: 1 }, ["canary"], "canary".repeat(20_000)]) {
      const issues = issuesOf({ token }, one)
      expect(issues).toMatchObject([{ path: ["token"] }])
      expect(JSON.stringify(issues)).not.toContain("canary")
    }
    expect(issuesOf({}, one)).toEqual([{ path: ["token"], message: "is missing" }])
  })

  it("accepts line ends, as in a PEM key, unless the schema wants one line", () => {
    const line = z.strictObject({ token: secret({ oneLine: true }) })
    const wanted = [{ path: ["token"], message: "must be one line without control characters: remove the line end" }]
    for (const text of ["canary\n", "canary\r\n", "ca\tnary", "ca\u007fnary"]) {
      const entered = secretFromBytes(Buffer.from(text), "entered")
      for (const token of [text, entered]) {
        expect(issuesOf({ token }, one)).toEqual([])
        expect(issuesOf({ token }, line)).toEqual(wanted)
      }
    }
    for (const token of ["cän ary", secretFromBytes(Buffer.from("cän ary"), "entered")]) {
      expect(issuesOf({ token }, line)).toEqual([])
    }
  })

  it("rejects a read whose caller has given up", async () => {
    await expect(handleOf("a").read(AbortSignal.abort())).rejects.toMatchObject({ code: "CANCELLED" })
  })
})
