import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type AwsEmulator, createTokenIssuer, motoAvailable, runBotocore, startAwsEmulator } from "../src/index.ts"

const judge = fileURLToPath(new URL("fixtures/judge_aws.py", import.meta.url))
const account = "123456789012"
const platform = `arn:aws:iam::${account}:role/platform`
const tenant = `arn:aws:iam::${account}:role/tenant`
const externalId = "external"
const subject = "system:serviceaccount:ns:name"
const policy = (statement: object) => JSON.stringify({ Version: "2012-10-17", Statement: [statement] })

describe.skipIf(!(await motoAvailable()))("the AWS emulator, judged by botocore", () => {
  let folder: string
  let emulator: AwsEmulator
  const issuer = createTokenIssuer()

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "aws-emulator-"))
    emulator = await startAwsEmulator({ account, providers: [issuer.provider] })
    const { iam } = emulator
    iam.putRole(
      platform,
      policy({
        Effect: "Allow",
        Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/issuer.test/cluster` },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: { StringEquals: { "issuer.test/cluster:sub": subject } },
      }),
    )
    iam.putRolePolicy(platform, policy({ Effect: "Allow", Action: "sts:AssumeRole", Resource: tenant }))
    iam.putRole(
      tenant,
      policy({
        Effect: "Allow",
        Principal: { AWS: platform },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": externalId } },
      }),
    )
    iam.putRolePolicy(tenant, policy({ Effect: "Allow", Action: "kms:*", Resource: "*" }))
  })
  afterAll(async () => {
    await emulator.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it("answers its calls, and refuses as AWS does", async () => {
    const tokenFile = join(folder, "token")
    await writeFile(tokenFile, issuer.issue({ subject }))
    const seen: unknown = JSON.parse(
      await runBotocore(judge, emulator.address, platform, tenant, externalId, tokenFile),
    )
    expect(seen).toEqual({
      subject,
      "altered token": "InvalidIdentityToken",
      identity: `arn:aws:sts::${account}:assumed-role/platform/judge`,
      "without external id": "AccessDenied",
      "wrong secret": "InvalidSignatureException",
      "wrong token": "UnrecognizedClientException",
      state: "Enabled",
      manager: "CUSTOMER",
      "alias taken": "AlreadyExistsException",
      "by alias": true,
      plaintext: "secret",
      material: true,
      "without key id": "ok",
      "other context": "InvalidCiphertextException",
      altered: "InvalidCiphertextException",
      "other key": "IncorrectKeyException",
      "missing key": "NotFoundException",
      "dry run": "DryRunOperationException",
      rotations: 1,
      materials: 2,
      "old wrap": "secret",
      disabled: "DisabledException",
      "pending deletion": "KMSInvalidStateException",
      "after the deletion was cancelled": "Disabled",
      "pending import": "KMSInvalidStateException",
      "foreign import token": "InvalidImportTokenException",
      imported: "ok",
      "after the import": "Enabled",
    })
  })
})
