import { secretFields, secretFromBytes } from "@apeiro-cmk/plugin-sdk"
import { describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"

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
  it("takes the story's own document as it stands", () => {
    expect(parse(storyConfiguration)).toMatchObject({ ok: true })
  })

  it("names the allowed values for a method of authentication that it does not know", () => {
    expect(parse({ ...storyConfiguration, auth_method: "kubernetes" })).toMatchObject({
      ok: false,
      issues: [{ path: ["auth_method"], message: expect.stringContaining("approle"), allowed: ["approle", "token"] }],
    })
  })

  it("wants exactly one of secret_id and secret_id_path", () => {
    expect(issues({ ...storyConfiguration, secret_id: "also" })).toEqual([
      "secret_id_path must be left out when secret_id is given",
    ])
    const { secret_id_path: _, ...without } = storyConfiguration
    expect(issues(without)).toEqual([
      "secret_id is needed by auth_method approle: give either secret_id or secret_id_path",
    ])
  })

  it("refuses fields of the other method instead of ignoring them", () => {
    expect(issues({ ...storyConfiguration, token: "s.abc" })).toEqual(["token belongs to auth_method token only"])
    expect(issues({ ...storyConfiguration, auth_method: "token" })).toEqual([
      "token is needed by auth_method token",
      "role_id belongs to auth_method approle only",
      "secret_id_path belongs to auth_method approle only",
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
  ])("refuses the mount path %j, which would lead elsewhere", (path) => {
    expect(issues({ ...storyConfiguration, mount_path: path })).toHaveLength(1)
    expect(issues({ ...storyConfiguration, namespace: path })).not.toEqual([])
    expect(issues({ ...storyConfiguration, auth_mount_path: path })).not.toEqual([])
  })

  it.each(["..", "../x", "a/b", ".a", "a.", "a?x", "a#x", "a%2e", "a b", "a\n", "-a", ""])(
    "refuses the key name %j, which OpenBao would not take or would read as a path",
    (name) => {
      expect(issues({ ...storyConfiguration, key_name: name })).not.toEqual([])
    },
  )

  it("says in one sentence what may stand where a name is empty or too long", () => {
    expect(issues({ ...storyConfiguration, key_name: "", mount_path: "" })).toEqual([
      'mount_path is empty; it must be letters, digits, "_", "-" and ".", in parts joined by "/", none of which begins with "."',
      'key_name is empty; it must be letters, digits, "_", "-" and ".", and begin and end with a letter, a digit or "_"',
    ])
    expect(issues({ ...storyConfiguration, key_name: "k".repeat(129), role_id: 7 })).toEqual([
      "role_id must be text",
      "key_name must have at most 128 characters",
    ])
  })

  it("refuses a line end or another control character in what is entered, and says so without the value", () => {
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

  it("refuses a certificate authority that is none, and a private key in its place", () => {
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
    expect(secretFields(plugin).toSorted()).toEqual(["secret_id", "token"])
  })

  it("has limits for what the operator sets", () => {
    expect(plugin.configuration.plugin.parse({})).toMatchObject({
      ok: true,
      value: { allowedEndpoints: ["https://*"], allowedAddresses: [], requestTimeoutMs: 5000, connections: 16 },
    })
    expect(plugin.configuration.plugin.parse({ requestTimeoutMs: 0, connections: 0, typo: 1 })).toMatchObject({
      ok: false,
    })
  })
})
