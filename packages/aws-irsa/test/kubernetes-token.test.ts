import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import {
  type IdentityProvider,
  type KubernetesServer,
  kubernetesAvailable,
  startKubernetes,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Aws, platformRole, region } from "./aws.ts"

const audience = "sts.amazonaws.com"
const issuer = "https://kubernetes.default.svc"

describe.skipIf(!(await kubernetesAvailable()))("a service account token of a real Kubernetes API server", () => {
  let aws: Aws
  let kubernetes: KubernetesServer

  beforeAll(async () => {
    ;[aws, kubernetes] = await Promise.all([Aws.start(), startKubernetes()])
    await kubernetes.createServiceAccount("openkcm", "cmk")
    await kubernetes.createServiceAccount("openkcm", "other")
    const { body } = await kubernetes.send({ method: "GET", path: "/openid/v1/jwks" })
    const { keys } = (typeof body === "string" ? JSON.parse(body) : body) as Pick<IdentityProvider, "keys">
    aws.emulator.providers.push({ issuer, keys, audiences: [audience] })
    aws.trustPlatform(issuer, "system:serviceaccount:openkcm:cmk")
  })
  afterAll(async () => {
    await kubernetes?.stop()
    await aws?.stop()
  })

  async function open() {
    const plugin = await aws.plugin(testServices())
    const role_arn = aws.createRole("external-id")
    const configuration = { kms_key_id: aws.emulator.createKey(region).arn, role_arn, external_id: "external-id" }
    return { plugin, keystore: await plugin.openKeystore(configuration, testCall()) }
  }

  it("encrypts and decrypts a test payload with a KMS key, through IRSA and without a static credential", async () => {
    await aws.writeToken(await kubernetes.serviceAccountToken("openkcm", "cmk", audience))
    const { plugin, keystore } = await open()
    aws.emulator.log.length = 0
    const plaintext = Buffer.from("test payload")
    const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }
    const sealed = await keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, testCall())
    const opened = await keystore.decrypt({ key: keystore.defaultKey, ...sealed, context }, testCall())
    expect(Buffer.from(opened.plaintext).toString()).toBe("test payload")
    expect(aws.emulator.log.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      "AssumeRoleWithWebIdentity ok",
      "AssumeRole ok",
      "Encrypt ok",
      "Decrypt ok",
      "Decrypt ok",
    ])
    expect(aws.emulator.log[0]).toMatchObject({ role: platformRole })
    await plugin.stop()
  })

  it.each([
    ["another account", () => kubernetes.serviceAccountToken("openkcm", "other", audience)],
    ["another audience", () => kubernetes.serviceAccountToken("openkcm", "cmk", "elsewhere")],
  ])("is refused when it is for %s", async (_what, token) => {
    await aws.writeToken(await token())
    const { plugin, keystore } = await open()
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await plugin.stop()
  })
})
