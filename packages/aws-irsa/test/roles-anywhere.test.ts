import { createPrivateKey, randomUUID } from "node:crypto"
import { secretFromBytes } from "@apeiro-cmk/plugin-sdk"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createTestAuthority, type IssuedCertificate, type TestAuthority } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { rolesAnywhereErrors } from "../src/errors.ts"
import { Aws, account, everything, region } from "./aws.ts"

const trustAnchorArn = `arn:aws:rolesanywhere:${region}:${account}:trust-anchor/${randomUUID()}`
const profileArn = `arn:aws:rolesanywhere:${region}:${account}:profile/${randomUUID()}`

let aws: Aws
let authority: TestAuthority
let roleArn: string
let client: IssuedCertificate
beforeAll(async () => {
  aws = await Aws.start()
  authority = await createTestAuthority("customers' trust anchor")
  roleArn = aws.newRoleArn()
  client = await authority.issue({ commonName: "cmk-acme", keyType: "rsa" })
  const certificateAuthority = authority.certificate
  aws.emulator.trustAnchors.push({ trustAnchorArn, profileArn, roleArns: [roleArn], certificateAuthority })
  const plugin = await aws.plugin(testServices())
  const [, trust] = await plugin.setupMaterial(configurationOf(), testCall())
  aws.emulator.iam.putRole(roleArn, trust?.text ?? "")
  aws.emulator.iam.putRolePolicy(roleArn, everything)
  await plugin.stop()
})
afterAll(() => aws.stop())

function configurationOf(issued: IssuedCertificate = client) {
  return {
    kms_key_id: aws.emulator.createKey(region).arn,
    auth_method: "roles_anywhere",
    role_arn: roleArn,
    trust_anchor_arn: trustAnchorArn,
    profile_arn: profileArn,
    client_certificate: issued.certificate,
    client_key: secretFromBytes(Buffer.from(issued.privateKey), "1"),
  }
}

async function open(configuration: object = configurationOf()) {
  const services = testServices()
  const plugin = await aws.plugin(services)
  onTestFinished(() => plugin.stop())
  aws.emulator.log.length = 0
  return { services, keystore: await plugin.openKeystore({ ...configuration }, testCall()) }
}

/** PKCS #1 of RFC 8017, like the key of the upstream host. */
function pkcs1(pem: string): string {
  return createPrivateKey(pem).export({ type: "pkcs1", format: "pem" }).toString()
}

describe("IAM Roles Anywhere", () => {
  it("opens a session for an RSA certificate, and uses it again", async () => {
    const { keystore, services } = await open()
    await keystore.probe(testCall())
    await keystore.probe(testCall())
    expect(aws.emulator.log.map(({ service, action }) => `${service} ${action}`)).toEqual([
      "rolesanywhere CreateSession",
      "kms Encrypt",
      "kms Decrypt",
      "kms Decrypt",
      "kms Decrypt",
    ])
    expect(services.auditEvents).toMatchObject([{ outcome: "success", facts: { method: "roles_anywhere" } }])
    expect(services.logger.text()).not.toContain(client.privateKey.split("\n")[1])
  })

  it("accepts an ECDSA certificate, and a key in PKCS#1", async () => {
    const ecdsa = await authority.issue({ commonName: "ecdsa" })
    await (await open(configurationOf(ecdsa))).keystore.probe(testCall())
    const { certificate, privateKey } = client
    await (await open(configurationOf({ certificate, privateKey: pkcs1(privateKey) }))).keystore.probe(testCall())
  })

  it("sends the intermediates of a chain, wherever the leaf is", async () => {
    const chain = { ...client, certificate: `${authority.certificate}${client.certificate}` }
    await (await open(configurationOf(chain))).keystore.probe(testCall())
  })

  it.each<[string, () => Promise<object>, string, string]>([
    [
      "of another authority",
      async () => configurationOf(await (await createTestAuthority("foreign")).issue({ commonName: "x" })),
      "CREDENTIAL_REJECTED",
      "anchor",
    ],
    [
      "that has expired",
      async () => configurationOf(await authority.issue({ commonName: "x", validUntilMs: Date.now() - 1000 })),
      "INVALID_REQUEST",
      "has expired",
    ],
    [
      "with the key of another certificate",
      async () => configurationOf({ ...client, privateKey: (await authority.issue({ commonName: "x" })).privateKey }),
      "INVALID_REQUEST",
      "is not the key",
    ],
    [
      "that belongs to an authority",
      async () => configurationOf({ ...client, certificate: authority.certificate }),
      "INVALID_REQUEST",
      "one leaf certificate",
    ],
    [
      "with a private key in the same text",
      async () => configurationOf({ ...client, certificate: `${client.certificate}${client.privateKey}` }),
      "INVALID_REQUEST",
      "nothing else",
    ],
  ])("refuses a certificate %s", async (_what, configuration, code, words) => {
    const { keystore, services } = await open(await configuration())
    const failure = await keystore.probe(testCall()).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code })
    expect(JSON.stringify([failure, String(failure)])).toContain(words)
    expect(services.auditEvents).toMatchObject([{ outcome: "failure", code }])
    expect(JSON.stringify([failure, services.auditEvents])).not.toContain("PRIVATE KEY")
  })

  it.each(Object.entries(rolesAnywhereErrors))("explains %s", async (name, { code, message, nextStep }) => {
    const { keystore } = await open()
    onTestFinished(() => aws.emulator.forgetFailures())
    aws.emulator.failNext("CreateSession", name)
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code, message, nextStep })
  })
})
