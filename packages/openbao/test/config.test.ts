import { secretFields, secretFromBytes } from "@apeiro-cmk/plugin-sdk"
import { createTestAuthority } from "@apeiro-cmk/test-backends"
import { describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"

const { certificate } = await createTestAuthority()

const storyConfiguration = {
  vault_address: "https://openbao.company.internal:8200",
  auth_method: "approle",
  role_id: "openkcm-role-id-12345",
  secret_id_path: "/etc/openkcm/openbao-secret-id",
  mount_path: "openkcm-keys",
  key_name: "customer-master-key",
}

const parse = (input: unknown) => plugin.configuration.keystore.parse(input)

function issues(input: unknown) {
  const result = parse(input)
  return result.ok ? [] : result.issues.map(({ path, message }) => `${path.join(".")} ${message}`)
}

describe("openbao configuration", () => {
  it("accepts the story's own document", () => {
    expect(parse(storyConfiguration)).toMatchObject({ ok: true })
  })

  it("names the allowed values for an unknown auth method", () => {
    expect(parse({ ...storyConfiguration, auth_method: "ldap" })).toMatchObject({
      ok: false,
      issues: [
        {
          path: ["auth_method"],
          message: expect.stringContaining("approle"),
          allowed: ["approle", "token", "kubernetes", "jwt", "cert"],
        },
      ],
    })
  })

  it("requires exactly one of secret_id, secret_id_path and their wrapped forms", () => {
    expect(issues({ ...storyConfiguration, secret_id: "also" })).toEqual([
      "secret_id_path must be left out when secret_id is given",
    ])
    const { secret_id_path: _, ...without } = storyConfiguration
    expect(issues(without)).toEqual([
      "secret_id is required for auth_method approle: enter one of secret_id, secret_id_path, wrapped_secret_id, wrapped_secret_id_path",
    ])
    expect(issues({ ...without, wrapped_secret_id_path: "wrap" })).toEqual([])
    expect(issues({ ...storyConfiguration, wrapped_secret_id: "also" })).toEqual([
      "wrapped_secret_id must be left out when secret_id_path is given",
    ])
  })

  const place = { vault_address: "https://openbao.example.com:8200", key_name: "k" }

  it.each([
    ["approle", { role_id: "r", secret_id: "s" }, { role_id: "is required", secret_id: "is required" }],
    ["token", { token: "t" }, { token: "is required" }],
    ["kubernetes", { role: "r", jwt_path: "token" }, { role: "is required", jwt_path: "is required" }],
    ["jwt", { role: "r", jwt: "ey" }, { role: "is required", jwt: "is required" }],
    ["cert", { client_certificate: certificate, client_key: "k" }, { client_certificate: "is required" }],
  ])("requires the fields of auth_method %s, and refuses other fields", (auth_method, fields, missing) => {
    expect(issues({ ...place, auth_method, ...fields })).toEqual([])
    const found = issues({ ...place, auth_method }).map((issue) => issue.replace(/ for auth_method.*/, ""))
    expect(found).toEqual(Object.entries(missing).map(([field, message]) => `${field} ${message}`))
    const foreign = auth_method === "token" ? { role: "r" } : { token: "t" }
    expect(issues({ ...place, auth_method, ...fields, ...foreign })).toHaveLength(1)
  })

  it("accepts a client certificate only with its key, and each of them in one way only", () => {
    const by = { ...place, auth_method: "token", token: "t" }
    expect(issues({ ...by, client_certificate_path: "crt", client_key_path: "key" })).toEqual([])
    expect(issues({ ...by, client_certificate_path: "crt" })).toEqual([
      "client_certificate_path is of no use without client_key or client_key_path",
    ])
    expect(issues({ ...by, client_key: "key" })).toEqual([
      "client_key is of no use without client_certificate or client_certificate_path",
    ])
    expect(issues({ ...by, ca_certificate: certificate, ca_certificate_path: "ca" })).toEqual([
      "ca_certificate_path must be left out when ca_certificate is given",
    ])
  })

  it("requires named hosts when a proxy resolves them", () => {
    const proxy = "http://proxy.internal:3128"
    const { parse: parseSettings } = plugin.configuration.plugin
    expect(parseSettings({ proxy })).toMatchObject({ ok: false, issues: [{ path: ["allowedEndpoints"] }] })
    expect(parseSettings({ proxy, allowedEndpoints: ["https://*.example.com:*"] })).toMatchObject({ ok: true })
  })

  it("refuses fields of the other method instead of ignoring them", () => {
    expect(issues({ ...storyConfiguration, token: "s.abc" })).toEqual(["token is only allowed for auth_method token"])
    expect(issues({ ...storyConfiguration, auth_method: "token" })).toEqual([
      "token is required for auth_method token",
      "role_id is only allowed for auth_method approle",
      "secret_id_path is only allowed for auth_method approle",
    ])
  })

  it("reports every fault at once", () => {
    const found = issues({ vault_address: "ftp://x", auth_method: "approle", key_name: "a/b", typo: 1 })
    expect(found.map((issue) => issue.split(" ")[0]).toSorted()).toEqual([
      "key_name",
      "role_id",
      "secret_id",
      "typo",
      "vault_address",
    ])
  })

  it.each([
    "../sys",
    "a/../b",
    "a//b",
    "/a",
    "a/",
    ".",
    "..",
    "a/.b",
    "a?b",
    "a#b",
    "a%2fb",
    "a b",
    "a\\b",
    "ä",
    "a\nb",
    "",
  ])("refuses the mount path %j, which would lead to another path", (path) => {
    expect(issues({ ...storyConfiguration, mount_path: path })).toHaveLength(1)
    expect(issues({ ...storyConfiguration, namespace: path })).not.toEqual([])
    expect(issues({ ...storyConfiguration, auth_mount_path: path })).not.toEqual([])
  })

  it.each(["..", "../x", "a/b", ".a", "a.", "a?x", "a#x", "a%2e", "a b", "a\n", "-a", ""])(
    "refuses the key name %j, which OpenBao would refuse or interpret as a path",
    (name) => {
      expect(issues({ ...storyConfiguration, key_name: name })).not.toEqual([])
    },
  )

  it("explains in one sentence what is allowed when a name is empty or too long", () => {
    expect(issues({ ...storyConfiguration, key_name: "", mount_path: "" })).toEqual([
      'mount_path is empty; it must consist of letters, digits, "_", "-" and "."; "/" separates segments, and no segment begins with "."',
      'key_name is empty; it must consist of letters, digits, "_", "-" and ".", and begin and end with a letter, a digit or "_"',
    ])
    // Sizes come before contents.
    expect(issues({ ...storyConfiguration, key_name: "k".repeat(129), role_id: 7 })).toEqual([
      "key_name must have at most 128 characters",
    ])
  })

  it("refuses line ends and other control characters in its fields, without quoting the value", () => {
    const { secret_id_path: _, ...inline } = storyConfiguration
    for (const text of ["secret-canary\n", "secret-canary\r\n", "secret\tcanary", "secret-\u007fcanary"]) {
      const wanted = "must be one line without control characters: remove the line end"
      for (const secret_id of [text, secretFromBytes(Buffer.from(text), "entered")]) {
        expect(issues({ ...inline, secret_id })).toEqual([`secret_id ${wanted}`])
      }
      const byToken = { vault_address: inline.vault_address, key_name: "k", auth_method: "token", token: text }
      expect(issues(byToken)).toEqual([`token ${wanted}`])
      expect(issues({ ...storyConfiguration, role_id: text })).toHaveLength(1)
      expect(issues({ ...storyConfiguration, secret_id_path: `/etc/${text}` })).toHaveLength(1)
    }
    expect(issues({ ...inline, secret_id: secretFromBytes(Buffer.from("secret-canary"), "entered") })).toEqual([])
  })

  it.each([
    "https://user:password@openbao.example.com",
    "https://openbao.example.com/?x=1",
    "https://openbao.example.com/#x",
    "https://openbao.example.com/v1",
    "openbao.example.com:8200",
    "file:///etc/passwd",
  ])("refuses the address %s", (address) => {
    const found = issues({ ...storyConfiguration, vault_address: address })
    expect(found).toHaveLength(1)
    expect(found.join()).not.toContain("password@")
  })

  it("refuses a malformed certificate authority, and a private key instead of one", () => {
    for (const text of [
      "nonsense",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
      "-----BEGIN PRIVATE KEY-----",
    ]) {
      expect(issues({ ...storyConfiguration, ca_certificate: text })).toEqual([
        "ca_certificate must be certificates as PEM text (BEGIN CERTIFICATE)",
      ])
    }
  })

  it("marks the secret fields for the host", () => {
    expect(secretFields(plugin).toSorted()).toEqual(["client_key", "jwt", "secret_id", "token", "wrapped_secret_id"])
  })

  it("has limits for the operator's settings", () => {
    expect(plugin.configuration.plugin.parse({})).toMatchObject({
      ok: true,
      value: { allowedEndpoints: ["https://*"], allowedAddresses: [], requestTimeoutMs: 5000, connections: 16 },
    })
    expect(plugin.configuration.plugin.parse({ requestTimeoutMs: 0, connections: 0, typo: 1 })).toMatchObject({
      ok: false,
    })
  })
})
