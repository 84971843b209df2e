import { describe, expect, it } from "vitest"
import { keyIdentity } from "../src/arns.ts"
import { endpointOf } from "../src/endpoints.ts"

const plain = { useFipsEndpoints: false, endpoints: {} }
const fips = { useFipsEndpoints: true, endpoints: {} }

describe("an endpoint", () => {
  it.each([
    ["kms", "eu-central-1", plain, "https://kms.eu-central-1.amazonaws.com"],
    ["sts", "us-east-1", plain, "https://sts.us-east-1.amazonaws.com"],
    ["kms", "cn-north-1", plain, "https://kms.cn-north-1.amazonaws.com.cn"],
    ["kms", "us-gov-west-1", fips, "https://kms-fips.us-gov-west-1.amazonaws.com"],
    ["sts", "us-gov-west-1", fips, "https://sts.us-gov-west-1.amazonaws.com"],
    ["sts", "us-east-2", fips, "https://sts-fips.us-east-2.amazonaws.com"],
    ["rolesanywhere", "eu-west-1", plain, "https://rolesanywhere.eu-west-1.amazonaws.com"],
  ] as const)("of %s in %s", (service, region, settings, address) => {
    expect(endpointOf(service, region, settings)).toBe(address)
  })

  it("is the operator's own endpoint if there is one, in each region", () => {
    const endpoints = { kms: "https://vpce-1.kms.{region}.vpce.amazonaws.com" }
    const settings = { useFipsEndpoints: true, endpoints }
    expect(endpointOf("kms", "eu-west-1", settings)).toBe("https://vpce-1.kms.eu-west-1.vpce.amazonaws.com")
    expect(endpointOf("sts", "eu-west-1", settings)).toBe("https://sts-fips.eu-west-1.amazonaws.com")
  })
})

it("replicas of a multi-Region key are one key", () => {
  const arn = (region: string) => `arn:aws:kms:${region}:123456789012:key/mrk-1234567890abcdef1234567890abcdef`
  expect(keyIdentity(arn("eu-west-1"))).toBe(keyIdentity(arn("us-east-1")))
  const single = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
  expect(keyIdentity(single)).toBe(single)
})
