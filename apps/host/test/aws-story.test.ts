import { spawnSync } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type AwsEmulator, createTokenIssuer, startAwsEmulator } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Cli, cliOf } from "./cli/run-cli.ts"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"
import { objects, text } from "./values.ts"

const account = "123456789012"
const platformRole = `arn:aws:iam::${account}:role/apeiro/platform`
const subject = "system:serviceaccount:openkcm:cmk"
const keyId = "12345678-1234-1234-1234-123456789012"

/** The story's own document, letter for letter (story 1, step 2). */
const story = {
  plugin_type: "aws_kms",
  plugin_name: "primary_aws_kms",
  configuration: {
    region: "us-east-1",
    kms_key_id: `arn:aws:kms:us-east-1:${account}:key/${keyId}`,
    role_arn: `arn:aws:iam::${account}:role/OpenKCM-KMS-Access`,
    external_id: "openkcm-external-id-12345",
  },
}
const { role_arn: roleArn, kms_key_id: keyArn } = story.configuration

const staticCredentials = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"]

/** The story's own policy (story 1, step 3). */
const storyPolicy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
      Resource: keyArn,
      Condition: { StringEquals: { "kms:ViaService": "openkcm.us-east-1.amazonaws.com" } },
    },
  ],
})

const policy = (statement: object) => JSON.stringify({ Version: "2012-10-17", Statement: [statement] })

describe("story 1, on our AWS emulator", () => {
  let aws: AwsEmulator
  let host: TestHost
  let cli: Cli
  let token: string

  beforeAll(async () => {
    const issuer = createTokenIssuer()
    token = issuer.issue({ subject })
    aws = await startAwsEmulator({ account, providers: [issuer.provider] })
    aws.createKey("us-east-1", { id: keyId })
    const federation = `arn:aws:iam::${account}:oidc-provider/issuer.test/cluster`
    const condition = { StringEquals: { "issuer.test/cluster:sub": subject } }
    const byToken = { Effect: "Allow", Principal: { Federated: federation }, Action: "sts:AssumeRoleWithWebIdentity" }
    aws.iam.putRole(platformRole, policy({ ...byToken, Condition: condition }))
    aws.iam.putRolePolicy(platformRole, policy({ Effect: "Allow", Action: "sts:AssumeRole", Resource: roleArn }))
    const folder = await testFolder()
    const tokenFile = join(folder.path, "token")
    await writeFile(tokenFile, token, { mode: 0o600 })
    const profile = JSON.parse(await readFile(folder.profilePath, "utf8"))
    profile.plugins.push({
      ...{ name: "aws-irsa", type: "keystore", package: "@apeiro-cmk/aws-irsa" },
      configuration: {
        ...{ allowedEndpoints: [aws.address], allowedAddresses: ["127.0.0.0/8"] },
        webIdentity: { tokenFile, roleArn: platformRole, region: "us-east-1" },
        endpoints: { kms: aws.address, sts: aws.address },
      },
    })
    await writeFile(folder.profilePath, JSON.stringify(profile))
    host = await startTestHost({}, folder)
    cli = cliOf(host)
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme", lease_ms: 2000 })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await aws.stop()
  })

  const connection = ["keystore", "test", "acme", "primary_aws_kms"] as const

  it("is prepared with the host's documents, for a keystore that is added by its file", async () => {
    const file = join(host.folder.path, "aws.json")
    await writeFile(file, JSON.stringify(story))
    await timed("add", () => ok("keystore", "add", "acme", file))
    const answer = await host.administrator.expect(
      200,
      "GET",
      "/v1/tenants/acme/keystores/primary_aws_kms/setup-material",
    )
    const [permissions, trust] = objects(answer.documents)
    aws.iam.putRole(roleArn, text(trust?.text))
    aws.iam.putRolePolicy(roleArn, storyPolicy)

    // The story's policy allows nothing: no request can meet its condition. The step names the missing line.
    const refused = await host.administrator.expect(200, "POST", "/v1/tenants/acme/keystores/primary_aws_kms/test")
    expect(refused.status).toBe("connection_failed")
    expect(objects(refused.steps).find(({ outcome }) => outcome === "failed")).toMatchObject({
      ...{ name: "key_access", code: "DENIED" },
      next_step: expect.stringContaining("kms:DescribeKey"),
    })
    aws.iam.putRolePolicy(roleArn, text(permissions?.text))
  })

  it("tests, activates and serves", async () => {
    const tested = await timed("test", () => ok(...connection))
    expect(tested).toContain("connection_successful")
    await timed("activate", () => ok("keystore", "activate", "acme", "primary_aws_kms"))
    const activated = await host.administrator.expect(
      200,
      "POST",
      "/v1/tenants/acme/keystores/primary_aws_kms/activate",
      {},
    )
    expect(activated).toMatchObject({
      status: "connection_successful",
      plugin_status: "active",
      l1_key_location: "aws_kms",
      key_operations_ready: true,
    })
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "payments" })
    const verified = await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")
    expect(verified.verified).toBe(true)
  })

  it("has the exchange in AWS's log, and no credential in the environment, the data or the log", async () => {
    const exchange = aws.log
      .filter(({ service }) => service === "sts")
      .map(({ action, role, outcome }) => ({ action, role, outcome }))
    expect(exchange).toContainEqual({ action: "AssumeRoleWithWebIdentity", role: platformRole, outcome: "ok" })
    expect(exchange).toContainEqual({ action: "AssumeRole", role: roleArn, outcome: "ok" })
    expect(aws.log.filter(({ service, role }) => service === "kms" && role !== roleArn)).toEqual([])
    expect(staticCredentials.filter((name) => name in process.env)).toEqual([])
    const secrets = [token, ...aws.iam.secrets()]
    expect(secrets.length).toBeGreaterThan(2)
    host.log.assertNoCanary(secrets)
    expect(filesWith([roleArn])).not.toEqual([])
    expect(filesWith([...secrets, "AKIA", "ASIA"])).toEqual([])
  })

  /** Finds the host's files that contain one of the texts. */
  function filesWith(texts: readonly string[]): readonly string[] {
    const found = spawnSync("grep", ["-raFl", "-f", "-", host.folder.dataDirectory], { input: texts.join("\n") })
    return found.stdout.toString().split("\n").filter(Boolean)
  }

  /** Runs the command line and expects success. */
  async function ok(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await cli.run(...args)
    expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" })
    return stdout
  }

  async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
    const startedMs = performance.now()
    const result = await work()
    process.stdout.write(`story 1, keystore ${what}: ${Math.round(performance.now() - startedMs)} ms\n`)
    return result
  }
})
