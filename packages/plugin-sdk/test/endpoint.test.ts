import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import {
  configurationJsonSchema,
  egressConfiguration,
  endpoint,
  isAllowedUrl,
  parseConfiguration,
  parseEndpoint,
} from "../src/index.ts"

describe("endpoint", () => {
  it("gives each server one spelling", () => {
    const schema = endpoint()
    for (const [text, canonical] of [
      ["https://Vault.Company.internal:8200", "https://vault.company.internal:8200"],
      ["https://vault.company.internal:443/", "https://vault.company.internal"],
      ["HTTPS://vault/openbao/", "https://vault/openbao"],
      ["https://[FD12:0::1]:8200", "https://[fd12::1]:8200"],
      ["https://bücher.example/", "https://xn--bcher-kva.example"],
      ["http://127.0.0.1:8200", "http://127.0.0.1:8200"],
      ["https://vault/a/../b", "https://vault/b"],
    ]) {
      expect(parseConfiguration(schema, text)).toEqual({ ok: true, value: canonical })
    }
  })

  it("refuses anything but a plain server address, without repeating it", () => {
    for (const text of [
      "",
      "vault",
      "vault:8200",
      "https:vault",
      "https:/vault",
      "https://",
      "ftp://vault",
      "file:///etc/passwd",
      "javascript:alert(1)",
      "https://user@vault",
      "https://user:canary@vault",
      "https://:@vault",
      "https://@vault",
      "https://vault?token=canary",
      "https://vault?",
      "https://vault#canary",
      "https://vault#",
      "https://va ult",
      "https://vault\\@evil",
      "https://vault\n.evil",
      "https://vault\0",
      "https://vault\u202e",
      "https://vault:99999",
      "https://vault.",
      "https://[::1",
      "https://%00",
      `https://${"a".repeat(2048)}`,
    ]) {
      const result = parseEndpoint(text)
      expect(result.ok, JSON.stringify(text)).toBe(false)
      expect(JSON.stringify(result)).not.toContain("canary")
    }
  })

  it("is text in the written configuration", () => {
    expect(configurationJsonSchema(z.strictObject({ a: endpoint().meta({ title: "A" }) }))).toMatchObject({
      properties: { a: { type: "string", format: "uri", title: "A" } },
      required: ["a"],
    })
  })

  it("parsed once or twice, it is the same, and never has a user, query or fragment", () => {
    const hostile = fc.oneof(
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc.string(),
      fc.string().map((text) => `https://${text}`),
      fc
        .array(
          fc.constantFrom("https://", "http:", "//", "@", "\\", "?", "#", ":", "a.test", "[::1]", "..", "%2e", "\t"),
          { maxLength: 8 },
        )
        .map((parts) => parts.join("")),
    )
    fc.assert(
      fc.property(hostile, (text) => {
        const result = parseEndpoint(text)
        if (!result.ok) return
        const canonical = result.origin + result.pathPrefix
        const again = parseEndpoint(canonical)
        expect(again.ok && again.origin + again.pathPrefix).toBe(canonical)
        const url = new URL(canonical)
        expect([url.username, url.password, url.search, url.hash]).toEqual(["", "", "", ""])
      }),
      { numRuns: 2000 },
    )
  })
})

describe("allowed endpoints", () => {
  const allows = (pattern: string, url: string) => isAllowedUrl(new URL(url), { allowedEndpoints: [pattern] })

  it("compare scheme, host and port", () => {
    expect(allows("https://vault.example.com:8200", "https://vault.example.com:8200/v1")).toBe(true)
    expect(allows("https://vault.example.com", "https://vault.example.com:443/")).toBe(true)
    expect(allows("https://VAULT.example.com", "https://vault.example.com")).toBe(true)
    expect(allows("https://[FD12::1]:8200", "https://[fd12:0::1]:8200")).toBe(true)
    expect(allows("https://vault.example.com", "https://vault.example.com:8200")).toBe(false)
    expect(allows("https://vault.example.com:8200", "https://vault.example.com")).toBe(false)
    expect(allows("https://vault.example.com", "http://vault.example.com")).toBe(false)
    expect(allows("https://vault.example.com", "https://vault.example.com.evil.test")).toBe(false)
    expect(allows("https://vault.example.com", "https://vault-example.com")).toBe(false)
  })

  it("let a star stand for one label on the left", () => {
    expect(allows("https://*.example.com", "https://vault.example.com")).toBe(true)
    for (const url of [
      "https://example.com",
      "https://.example.com",
      "https://evil-example.com",
      "https://evilexample.com",
      "https://a.b.example.com",
      "https://vault.example.com:8200",
      "https://vault.example.com.",
      "https://vault.example.com.evil.test",
      "https://vault.example.org",
    ]) {
      expect(allows("https://*.example.com", url), url).toBe(false)
    }
    expect(allows("https://*.0.0.1", "https://127.0.0.1")).toBe(false)
  })

  it("never let a star stand for more than that, whatever the URL", () => {
    const host = fc
      .array(
        fc.constantFrom(
          "example",
          "com",
          "evil",
          ".",
          "..",
          "-",
          "@",
          ":",
          "/",
          "\\",
          "#",
          "?",
          "%2e",
          "8200",
          "。",
          "*",
        ),
        {
          maxLength: 9,
        },
      )
      .map((parts) => parts.join(""))
    fc.assert(
      fc.property(host, (text) => {
        const url = URL.parse(`https://${text}`)
        if (url === null || !isAllowedUrl(url, { allowedEndpoints: ["https://*.example.com"] })) return
        expect(url.host).toMatch(/^[^.]+\.example\.com$/)
      }),
      { numRuns: 5000 },
    )
  })

  it("let a bare star stand for any host and port, and narrow it by a port", () => {
    expect(allows("https://*", "https://vault.example.com:8200")).toBe(true)
    expect(allows("https://*:8200", "https://vault.example.com:8200")).toBe(true)
    expect(allows("https://*:8200", "https://vault.example.com")).toBe(false)
    expect(allows("https://*.example.com:*", "https://vault.example.com:1234")).toBe(true)
    expect(allows("https://*", "http://vault.example.com")).toBe(false)
  })

  it("allow plain http for a whole host name only, and nothing by a malformed entry", () => {
    expect(allows("http://127.0.0.1:8200", "http://127.0.0.1:8200")).toBe(true)
    expect(allows("http://vault.test:*", "http://vault.test:8200")).toBe(true)
    for (const pattern of [
      "http://*",
      "http://*.test",
      "*",
      "**",
      "https://",
      "https://v*lt.test",
      "https://vault.*",
      "https://*.*",
      "https://vault.test/path",
      "https://a@vault.test",
      "vault.test",
      "https://vault.test:99999",
    ]) {
      expect(allows(pattern, "http://vault.test"), pattern).toBe(false)
      expect(allows(pattern, "https://vault.test"), pattern).toBe(false)
    }
  })

  it("are part of a plugin's configuration, with safe defaults and every malformed entry named", () => {
    const schema = z.strictObject(egressConfiguration)
    expect(parseConfiguration(schema, {})).toEqual({
      ok: true,
      value: { allowedEndpoints: ["https://*"], allowedAddresses: [] },
    })
    const result = parseConfiguration(schema, {
      allowedEndpoints: ["https://ok", "http://*"],
      allowedAddresses: ["10.0.0.0/8", "x", "10.0.0.0/40"],
    })
    expect(result.ok ? [] : result.issues.map((issue) => issue.path)).toEqual([
      ["allowedEndpoints", 1],
      ["allowedAddresses", 1],
      ["allowedAddresses", 2],
    ])
  })
})
