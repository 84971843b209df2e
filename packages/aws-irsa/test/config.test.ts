import { describe, expect, it } from "vitest"
import { plugin } from "../src/index.ts"

const key = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
const role = "arn:aws:iam::123456789012:role/OpenKCM-KMS-Access"
const anchor = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/12345678-1234-1234-1234-123456789012"
const profile = "arn:aws:rolesanywhere:us-east-1:123456789012:profile/12345678-1234-1234-1234-123456789012"
const anywhere = { auth_method: "roles_anywhere", trust_anchor_arn: anchor, profile_arn: profile, role_arn: role }
const certificate = { client_certificate: "pem", client_key: "pem" }

const parse = (configuration: object) => plugin.configuration.keystore.parse(configuration)

describe("a keystore's configuration", () => {
  it.each<[string, object]>([
    [
      "of the story",
      { region: "us-east-1", kms_key_id: key, role_arn: role, external_id: "openkcm-external-id-12345" },
    ],
    ["with the key's ARN alone", { kms_key_id: key }],
    ["with an alias and a region", { region: "eu-central-1", kms_key_id: "alias/customer-master-key" }],
    ["with a multi-Region key", { kms_key_id: key.replace(/[^/]*$/, "mrk-1234567890abcdef1234567890abcdef") }],
    ["in GovCloud", { kms_key_id: "arn:aws-us-gov:kms:us-gov-west-1:123456789012:alias/a" }],
    [
      "in China",
      {
        kms_key_id: "arn:aws-cn:kms:cn-north-1:123456789012:alias/a",
        role_arn: "arn:aws-cn:iam::123456789012:role/r",
      },
    ],
    ["with a certificate", { kms_key_id: key, ...anywhere, ...certificate }],
  ])("%s is accepted", (_name, configuration) => {
    expect(parse(configuration)).toMatchObject({ ok: true })
  })

  it.each<[string, object, string, string]>([
    ["a static key", { kms_key_id: key, access_key_id: "AKIA" }, "access_key_id", "is a static key"],
    ["a static secret", { kms_key_id: key, secret_access_key: "x" }, "secret_access_key", "is a static key"],
    ["an alias without a region", { kms_key_id: "alias/a" }, "region", "is required"],
    ["two regions", { kms_key_id: key, region: "eu-west-1" }, "region", "is not the region in kms_key_id"],
    [
      "a role of another partition",
      { kms_key_id: key, role_arn: "arn:aws-cn:iam::123456789012:role/r" },
      "role_arn",
      "partition",
    ],
    [
      "a user instead of a role",
      { kms_key_id: key, role_arn: "arn:aws:iam::123456789012:user/u" },
      "role_arn",
      "role/NAME",
    ],
    [
      "an external id without a role",
      { kms_key_id: key, external_id: "id" },
      "external_id",
      "only allowed with role_arn",
    ],
    [
      "a trust anchor with web identity",
      { kms_key_id: key, trust_anchor_arn: anchor },
      "trust_anchor_arn",
      "roles_anywhere",
    ],
    ["a missing certificate", { kms_key_id: key, ...anywhere }, "client_certificate", "is required"],
    ["a bucket instead of a key", { kms_key_id: "arn:aws:s3:::bucket" }, "kms_key_id", "ARN or id of a key"],
  ])("with %s is refused", (_name, configuration, field, words) => {
    const result = parse(configuration)
    const issues = result.ok ? [] : result.issues
    expect(issues).toContainEqual(expect.objectContaining({ path: [field], message: expect.stringContaining(words) }))
  })
})

describe("the plugin's configuration", () => {
  it("names the token file and the role, and has defaults", () => {
    const webIdentity = { tokenFile: "token", roleArn: role, region: "us-east-1" }
    expect(plugin.configuration.plugin.parse({ webIdentity })).toMatchObject({
      ok: true,
      value: { sessionName: "apeiro-cmk", useFipsEndpoints: false, requestTimeoutMs: 5000, connections: 32 },
    })
    expect(plugin.configuration.plugin.parse({})).toMatchObject({ ok: true })
  })

  it("refuses a proxy with allowedEndpoints that name no host, and malformed addresses", () => {
    expect(plugin.configuration.plugin.parse({ proxy: "http://proxy:3128" })).toMatchObject({ ok: false })
    expect(plugin.configuration.plugin.parse({ endpoints: { kms: "kms.example" } })).toMatchObject({ ok: false })
  })
})
