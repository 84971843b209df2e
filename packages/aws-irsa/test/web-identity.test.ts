import { rm } from "node:fs/promises"
import { openInProcess, type TestServices, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"
import { Aws, everything, platformRole, policy, region, subject } from "./aws.ts"

let aws: Aws
beforeAll(async () => {
  aws = await Aws.start()
})
afterAll(() => aws.stop())

const externalId = "external-id"

/** Starts the plugin again, so that no session remains from another test. */
async function start(services: TestServices = testServices()) {
  const plugin = await aws.plugin(services)
  onTestFinished(() => plugin.stop())
  aws.emulator.log.length = 0
  return {
    services,
    plugin,
    open: (configuration: object, tenantId = "acme") =>
      plugin.openKeystore({ ...configuration }, testCall({ tenantId })),
  }
}

const keyOf = () => ({ kms_key_id: aws.emulator.createKey(region).arn })
const exchanges = () => aws.emulator.log.filter(({ service }) => service === "sts").map(({ action }) => action)

describe("web identity", () => {
  it("exchanges the token, then assumes the tenant's role; the session names show host and tenant", async () => {
    const { open, services } = await start()
    const role = aws.createRole(externalId)
    const keystore = await open({ ...keyOf(), role_arn: role, external_id: externalId })
    await keystore.probe(testCall())
    expect(aws.emulator.log.slice(0, 3)).toEqual([
      {
        service: "sts",
        action: "AssumeRoleWithWebIdentity",
        role: platformRole,
        sessionName: "apeiro-cmk",
        outcome: "ok",
      },
      { service: "sts", action: "AssumeRole", role, sessionName: "apeiro-cmk-acme", outcome: "ok" },
      { service: "kms", action: "Encrypt", role, sessionName: "apeiro-cmk-acme", outcome: "ok" },
    ])
    expect(services.auditEvents).toMatchObject([
      {
        action: "keystoreLogin",
        outcome: "success",
        facts: { method: "web_identity", role, session_name: "apeiro-cmk-acme" },
      },
    ])
  })

  it("never gives two tenants one session name, however long or unusual their names are", async () => {
    const sessionName = "a-host-of-the-platform-1"
    const pluginConfiguration = { ...aws.pluginConfiguration(), sessionName }
    const started = await openInProcess(plugin, { pluginConfiguration, services: testServices() })
    onTestFinished(() => started.stop())
    const longest = "t".repeat(39)
    const tenants = ["acme", longest, `${longest}1`, `${longest}2`, "a b", "a_b", "a/b", "t=1", `${"x".repeat(90)}1`]
    const role = aws.createRole(externalId)
    const configuration = { ...keyOf(), role_arn: role, external_id: externalId }
    const names: string[] = []
    for (const tenantId of tenants) {
      aws.emulator.log.length = 0
      const keystore = await started.openKeystore(configuration, testCall({ tenantId }))
      await keystore.probe(testCall({ tenantId }))
      names.push(aws.emulator.log.find(({ action }) => action === "AssumeRole")?.sessionName ?? "")
    }
    expect(names.slice(0, 2)).toEqual([`${sessionName}-acme`, `${sessionName}-${longest}`])
    expect(new Set(names).size).toBe(tenants.length)
    // The form that STS accepts.
    for (const name of names) expect(name).toMatch(/^[\w+=,.@-]{2,64}$/)
  })

  it("uses the platform's own role when the tenant has none", async () => {
    const { open } = await start()
    aws.emulator.iam.putRolePolicy(platformRole, everything)
    onTestFinished(() =>
      aws.emulator.iam.putRolePolicy(
        platformRole,
        policy({ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" }),
      ),
    )
    const keystore = await open(keyOf())
    await keystore.probe(testCall())
    expect(aws.emulator.log[0]).toMatchObject({ role: platformRole, sessionName: "apeiro-cmk-acme" })
    expect(exchanges()).toHaveLength(1)
  })

  it("opens one session for all waiting callers, and one platform session for all keystores", async () => {
    const { open } = await start()
    const role = aws.createRole(externalId)
    const keystores = await Promise.all([1, 2].map(() => open({ ...keyOf(), role_arn: role, external_id: externalId })))
    await Promise.all(keystores.flatMap((each) => [1, 2, 3, 4].map(() => each.probe(testCall()))))
    expect(exchanges().toSorted()).toEqual(["AssumeRole", "AssumeRole", "AssumeRoleWithWebIdentity"])
  })

  it("opens a new session within the call when AWS no longer knows the old one", async () => {
    const { open } = await start()
    const role = aws.createRole(externalId)
    const keystore = await open({ ...keyOf(), role_arn: role, external_id: externalId })
    await keystore.probe(testCall())
    aws.emulator.iam.revokeSessions(role)
    aws.emulator.iam.revokeSessions(platformRole)
    await keystore.probe(testCall())
    expect(exchanges()).toEqual([
      "AssumeRoleWithWebIdentity",
      "AssumeRole",
      "AssumeRole",
      "AssumeRoleWithWebIdentity",
      "AssumeRole",
    ])
  })

  it("throws CREDENTIAL_REJECTED, names the trust policy and records it when the role is denied", async () => {
    const { open, services } = await start()
    const keystore = await open({ ...keyOf(), role_arn: aws.createRole("another-id"), external_id: externalId })
    await expect(keystore.probe(testCall())).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
      nextStep: expect.stringContaining("external_id"),
    })
    expect(services.auditEvents).toMatchObject([{ outcome: "failure", code: "CREDENTIAL_REJECTED" }])
  })

  it("fails with origin host, retryable, when the audit log is down", async () => {
    const audit = { record: () => Promise.reject(new Error("canary-of-the-audit-log")) }
    const { open } = await start(testServices({ audit }))
    const role = aws.createRole(externalId)
    const keystore = await open({ ...keyOf(), role_arn: role, external_id: externalId })
    const failure = await keystore.probe(testCall()).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: "INTERNAL", origin: "host", retryable: true })
    expect(String(failure)).not.toContain("canary-of-the-audit-log")
    expect(aws.emulator.log.some(({ service }) => service === "kms")).toBe(false)
  })

  it.each([
    ["expired", () => aws.issuer.issue({ subject, expiresInSeconds: -10 })],
    ["for another audience", () => aws.issuer.issue({ subject, audience: "elsewhere" })],
    ["of another service account", () => aws.issuer.issue({ subject: "system:serviceaccount:other:cmk" })],
    ["altered", () => `${aws.issuer.issue({ subject }).slice(0, -8)}AAAAAAAA`],
    ["empty", () => "\n"],
  ])(
    "throws CREDENTIAL_REJECTED for a token that is %s, and reads the file again for the next exchange",
    async (_how, token) => {
      const { open } = await start()
      const keystore = await open({ ...keyOf(), role_arn: aws.createRole(externalId), external_id: externalId })
      await aws.writeToken(token())
      await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
      await aws.writeToken(aws.issuer.issue({ subject }))
      await keystore.probe(testCall())
    },
  )

  it("blames the host when there is no token file", async () => {
    const { open } = await start()
    const keystore = await open({ ...keyOf(), role_arn: aws.createRole(externalId), external_id: externalId })
    await rm(aws.tokenFile)
    onTestFinished(() => aws.writeToken(aws.issuer.issue({ subject })))
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED", origin: "host" })
  })

  it("ignores the environment", async () => {
    const poison = {
      AWS_ACCESS_KEY_ID: "AKIAPOISON",
      AWS_SECRET_ACCESS_KEY: "canary-secret",
      AWS_SESSION_TOKEN: "canary-session",
      AWS_REGION: "us-poison-1",
      AWS_ENDPOINT_URL: "http://127.0.0.1:1",
      AWS_ENDPOINT_URL_KMS: "http://127.0.0.1:1",
      AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1",
      AWS_ROLE_ARN: "arn:aws:iam::999999999999:role/poison",
      AWS_WEB_IDENTITY_TOKEN_FILE: "/nowhere",
      AWS_PROFILE: "poison",
      AWS_USE_FIPS_ENDPOINT: "true",
    }
    Object.assign(process.env, poison)
    onTestFinished(() => {
      for (const name of Object.keys(poison)) delete process.env[name]
    })
    const { open } = await start()
    const role = aws.createRole(externalId)
    const keystore = await open({ ...keyOf(), role_arn: role, external_id: externalId })
    await keystore.probe(testCall())
    expect(new Set(aws.emulator.log.map((entry) => entry.role))).toEqual(new Set([platformRole, role]))
  })
})

describe("external ids", () => {
  it("belong to one tenant when none is entered, and the set-up material shows them", async () => {
    const { open, plugin } = await start()
    const configuration = { ...keyOf(), role_arn: aws.newRoleArn() }
    const [, trust] = await plugin.setupMaterial(configuration, testCall({ tenantId: "acme" }))
    aws.emulator.iam.putRole(configuration.role_arn, trust?.text ?? "")
    aws.emulator.iam.putRolePolicy(configuration.role_arn, everything)
    await (await open(configuration, "acme")).probe(testCall())
    const stranger = await open(configuration, "mallory")
    await expect(stranger.probe(testCall({ tenantId: "mallory" }))).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
    })
  })

  it("of another tenant are refused before the plugin uses the network", async () => {
    const { open, plugin } = await start()
    const configuration = { ...keyOf(), role_arn: aws.newRoleArn() }
    const [, trust] = await plugin.setupMaterial(configuration, testCall({ tenantId: "acme" }))
    const [id] = /apeiro-cmk-[0-9a-f]+/.exec(trust?.text ?? "") ?? []
    await open({ ...configuration, external_id: id }, "acme")
    await expect(open({ ...configuration, external_id: id }, "mallory")).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      issues: [{ path: ["external_id"] }],
    })
    expect(aws.emulator.log).toEqual([])
  })
})
