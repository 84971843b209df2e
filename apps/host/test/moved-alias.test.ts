import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startAws } from "./four-backends.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { objects, text } from "./values.ts"

const alias = "alias/acme-master"
const keystore = "/v1/tenants/acme/keystores/primary_aws_kms"

describe("an alias of AWS KMS (our emulator) that moves to another key after the activation", () => {
  let aws: Awaited<ReturnType<typeof startAws>>
  let host: TestHost
  let first: string
  let second: string

  beforeAll(async () => {
    aws = await startAws()
    host = await startTestHost({}, { plugins: [aws.plugin] })
    const { configuration, ...document } = await aws.newKeystore()
    first = text(configuration.kms_key_id)
    second = aws.emulator.createKey("us-east-1").arn
    point(first)
    const statement = { Effect: "Allow", Action: "kms:*", Resource: "*" }
    const permissions = JSON.stringify({ Version: "2012-10-17", Statement: [statement] })
    aws.emulator.iam.putRolePolicy(text(configuration.role_arn), permissions)
    const { administrator } = host
    await administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme", lease_ms: 2000 })
    const byAlias = { ...document, configuration: { ...configuration, kms_key_id: alias } }
    await administrator.expect(201, "POST", "/v1/tenants/acme/keystores", byAlias)
    await administrator.expect(200, "POST", `${keystore}/activate`, {})
    await administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "payments" })
    await dataKey()
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await aws.stop()
  })

  it("is named by data keys, the connection test and a second activation, and by the health afterwards", async () => {
    point(second)
    const moved = { code: "KEY_MISMATCH", title: expect.stringContaining(`"${alias}"`) }
    // Until the lease ends, or its renewal asks the keystore.
    await expect
      .poll(() => host.administrator.send("POST", dataKeys, {}), { timeout: 10_000 })
      .toMatchObject({
        body: { ...moved, title: expect.stringMatching(new RegExp(`${second}.*${first}`)) },
      })
    const { steps } = await host.administrator.expect(200, "POST", `${keystore}/test`)
    expect(objects(steps).find(({ outcome }) => outcome === "failed")).toMatchObject({
      ...{ name: "activated_key", code: "KEY_MISMATCH", message: expect.stringContaining(alias) },
    })
    const again = await host.administrator.send("POST", `${keystore}/activate`, {})
    expect(again.body).toMatchObject({ code: "CONNECTION_TEST_FAILED", title: expect.stringContaining(alias) })
    const health = await host.administrator.expect(200, "GET", `${keystore}/health`)
    expect(JSON.stringify(health)).toContain("KEY_MISMATCH")
  })

  it("serves again once it leads back", async () => {
    point(first)
    await dataKey()
    await host.administrator.expect(200, "POST", `${keystore}/activate`, {})
  })

  const dataKeys = "/v1/tenants/acme/service-keys/payments/data-keys"

  function dataKey() {
    return host.administrator.expect(200, "POST", dataKeys, {})
  }

  function point(arn: string): void {
    aws.emulator.kms.aliases.set(alias, arn.replace(/^.*:key\//, ""))
  }
})
