import { createPrivateKey, randomUUID } from "node:crypto"
import { fileURLToPath } from "node:url"
import { wrapKeyMaterial } from "@apeiro-cmk/plugin-sdk"
import {
  createCmkEmulator,
  createTestAuthority,
  type GoHost,
  goHostAvailable,
  startGoHost,
  type TestAuthority,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Aws, account, everything, policy, region } from "./aws.ts"

const serve = fileURLToPath(new URL("../src/serve.ts", import.meta.url))
const trustAnchorArn = `arn:aws:rolesanywhere:${region}:${account}:trust-anchor/${randomUUID()}`
const profileArn = `arn:aws:rolesanywhere:${region}:${account}:profile/${randomUUID()}`

describe.skipIf(!(await goHostAvailable()))("aws-irsa as a process under the upstream Go host", () => {
  let aws: Aws
  let host: GoHost
  let authority: TestAuthority
  let key: string
  let roleArn: string
  /** Values of the upstream host: its own certificate, and the user's access data for management. */
  let values: Record<string, unknown>

  beforeAll(async () => {
    aws = await Aws.start()
    authority = await createTestAuthority("anchor")
    key = aws.emulator.createKey(region).arn
    roleArn = aws.newRoleArn()
    const certificateAuthority = authority.certificate
    aws.emulator.trustAnchors.push({ trustAnchorArn, profileArn, roleArns: [roleArn], certificateAuthority })
    aws.emulator.iam.putRole(
      roleArn,
      policy({ Effect: "Allow", Principal: { Service: "rolesanywhere.amazonaws.com" }, Action: "sts:AssumeRole" }),
    )
    aws.emulator.iam.putRolePolicy(roleArn, everything)
    const { certificate, privateKey } = await authority.issue({ commonName: "hyok-tenant", keyType: "rsa" })
    values = {
      ...{ authType: "AUTH_TYPE_CERTIFICATE", clientCert: certificate },
      privateKey: createPrivateKey(privateKey).export({ type: "pkcs1", format: "pem" }).toString(),
      ...{ trustAnchorArn, profileArn, roleArn, certificateSubject: "CN=hyok-tenant" },
    }
    const yamlConfiguration = JSON.stringify(aws.pluginConfiguration())
    host = await startGoHost([
      { name: "AWS", type: "KeystoreInstanceKeyOperation", path: process.execPath, args: [serve], yamlConfiguration },
    ])
    expect(host.loaded).toMatchObject({ event: "loaded", ok: true })
  })
  afterAll(async () => {
    await host?.kill()
    await aws?.stop()
  })

  const parameters = (keyId: string, given = values) => ({ parameters: { config: { values: given }, keyId } })

  it("describes a key with its versions, through the host's certificate", async () => {
    const { response } = await host.call("GetKey", parameters(key))
    expect(response).toMatchObject({
      ...{ keyId: key, algorithm: "KEY_ALGORITHM_AES256", status: "ENABLED", usage: "ENCRYPT_DECRYPT" },
      latestKeyVersionId: expect.stringMatching(/^[0-9a-f]{64}$/),
      latestRotationTime: expect.stringMatching(/^20/),
    })
    const { response: versions } = await host.call("GetKeyVersions", parameters(key))
    expect(versions).toMatchObject({ versions: [{ versionId: response?.latestKeyVersionId, status: "ENABLED" }] })
    expect(host.log().join("\n")).not.toContain(String(values.privateKey).split("\n")[1])
  })

  it("registers a key that its owner holds, and reports each change at the next sync", async () => {
    const { clientCert, privateKey, authType: _, ...management } = values
    const cmk = createCmkEmulator(host, { clientCert: String(clientCert), privateKey: String(privateKey) })
    const owned = aws.emulator.createKey(region)
    const hyok = { nativeId: owned.arn, management, crypto: { eu10: { trustAnchorArn, profileArn, roleArn } } }
    const registered = await cmk.register(hyok)
    expect(registered).toEqual({ status: 201, region, primaryVersion: expect.stringMatching(/^[0-9a-f]{64}$/) })
    for (const [state, seen] of [
      ["Disabled", "DISABLED"],
      ["PendingDeletion", "PENDING_DELETION"],
    ] as const) {
      owned.state = state
      expect(await cmk.sync(hyok)).toBe(seen)
      expect(await cmk.register(hyok)).toEqual({ status: 400, code: "REGISTER_KEY_INVALID_STATE" })
    }
    expect(await cmk.register({ ...hyok, nativeId: "key" })).toMatchObject({ code: "INVALID_KEY_ATTRIBUTE" })
    expect(await cmk.register({ ...hyok, crypto: { eu10: { roleArn } } })).toMatchObject({
      ...{ status: 400, code: "INVALID_ACCESS_DATA" },
      context: { reason: "MISSING_FIELDS", missingFields: "externalId" },
    })
  })

  it("describes a key through web identity, with an external id", async () => {
    const role = aws.createRole("external-id")
    const given = {
      authType: "AUTH_TYPE_CERTIFICATE",
      clientCert: "",
      privateKey: "",
      roleArn: role,
      externalId: "external-id",
    }
    expect((await host.call("GetKey", parameters(key, given))).response).toMatchObject({ status: "ENABLED" })
    expect(await host.call("GetKey", parameters(key, { ...given, externalId: "another" }))).toMatchObject({
      ...{ code: "INVALID_ARGUMENT", message: "failed to authenticate with the keystore provider" },
    })
    expect(await host.call("GetKey", parameters(key, { roleArn: role }))).toMatchObject({ code: "INVALID_ARGUMENT" })
  })

  it("answers with the exact texts that the host compares", async () => {
    const missing = key.replace(/[^/]*$/, "00000000-0000-0000-0000-000000000000")
    expect(await host.call("GetKey", parameters(missing))).toMatchObject({
      ...{ code: "NOT_FOUND", message: "key not found in the keystore provider" },
    })
    const stranger = await (await createTestAuthority("stranger")).issue({ commonName: "hyok-tenant", keyType: "rsa" })
    const rejected = { ...values, clientCert: stranger.certificate, privateKey: stranger.privateKey }
    expect(await host.call("GetKey", parameters(key, rejected))).toMatchObject({
      ...{ code: "INVALID_ARGUMENT", message: "failed to authenticate with the keystore provider" },
    })
  })

  it("creates a key once for each id of the host, and finds it again by that id", async () => {
    const id = randomUUID()
    const create = { config: { values }, algorithm: "KEY_ALGORITHM_AES256", id, region, keyType: "KEY_TYPE_BYOK" }
    const { response } = await host.call("CreateKey", create)
    expect(response).toMatchObject({ keyId: expect.stringMatching(/^arn:aws:kms:/), status: "PENDING_IMPORT" })
    expect((await host.call("CreateKey", create)).response).toEqual(response)
    expect((await host.call("GetKey", parameters(id))).response).toMatchObject({ status: "PENDING_IMPORT" })
    const made = String(response?.keyId)
    const offer = await host.call("GetImportParameters", parameters(made))
    const wrapping = offer.response?.importParameters as Parameters<typeof wrapKeyMaterial>[0] & {
      providerParams: string
    }
    const { providerParams } = wrapping
    const material = wrapKeyMaterial(wrapping, new Uint8Array(32).fill(7))
    const encryptedKeyMaterial = Buffer.from(material).toString("base64")
    const request = { ...parameters(made), importParameters: { providerParams }, encryptedKeyMaterial }
    expect(await host.call("ImportKeyMaterial", request)).toMatchObject({ ok: true })
    for (const [method, status] of [
      ["DisableKey", "DISABLED"],
      ["EnableKey", "ENABLED"],
      ["DeleteKey", "PENDING_DELETION"],
    ] as const) {
      expect(await host.call(method, parameters(made))).toMatchObject({ ok: true })
      expect((await host.call("GetKey", parameters(made))).response).toMatchObject({ status })
    }
  })

  it("validates access data of both shapes without a network", async () => {
    const anywhere = { trustAnchorArn, profileArn, roleArn }
    const validate = (management: object, crypto: object = {}) =>
      host.call("ValidateKeyAccessData", { management, crypto })
    expect((await validate(anywhere, { eu10: anywhere })).response).toEqual({ isValid: true })
    expect((await validate({ roleArn, externalId: "id" })).response).toEqual({ isValid: true })
    expect((await validate({ ...anywhere, certificateSubject: "CN=x", versionIdentifier: "1" })).response).toEqual({
      isValid: true,
    })
    const missing = (missingFields: string) => ({
      ...{ code: "INVALID_ARGUMENT", message: "invalid key access data" },
      details: [{ reason: "MISSING_FIELDS", metadata: { missingFields } }],
    })
    expect(await validate({ trustAnchorArn })).toMatchObject(missing("profileArn,roleArn"))
    expect(await validate({ roleArn })).toMatchObject(missing("externalId"))
    expect(await validate({})).toMatchObject(missing("roleArn,externalId"))
    expect(await validate(anywhere, { eu10: { roleArn } })).toMatchObject(missing("externalId"))
    expect(await validate({ ...anywhere, roleArn: "arn:aws:iam::1:user/x" })).toMatchObject({
      details: [{ reason: "CANNOT_PARSE_DATA" }],
    })
    expect(await validate({ ...anywhere, privateKey: "x" })).toMatchObject({
      details: [{ reason: "CANNOT_PARSE_DATA", metadata: { reservedFields: "privateKey" } }],
    })
  })

  it("validates the algorithm and the region of a new key", async () => {
    const judge = async (more: object) => {
      const request = { keyType: "KEY_TYPE_BYOK", algorithm: "KEY_ALGORITHM_AES256", region, ...more }
      return (await host.call("ValidateKey", request)).response
    }
    expect(await judge({})).toEqual({ isValid: true })
    expect(await judge({ algorithm: "KEY_ALGORITHM_RSA3072" })).toEqual({ message: expect.stringContaining("AES256") })
    expect(await judge({ region: "Frankfurt" })).toEqual({ message: expect.stringContaining("region") })
  })

  it("encodes crypto access data byte by byte like upstream's own plugin", async () => {
    const crypto = { eu10: { trustAnchorArn: "t", profileArn: "p", roleArn: "r" } }
    const nativeKeyId = "arn:aws:kms:eu-west-1:123456789012:key/ab"
    const accessData = Buffer.from(JSON.stringify(crypto)).toString("base64")
    const { response } = await host.call("TransformCryptoAccessData", { nativeKeyId, accessData })
    expect(response).toEqual({
      transformedAccessData: {
        eu10: "Uilhcm46YXdzOmttczpldS13ZXN0LTE6MTIzNDU2Nzg5MDEyOmtleS9hYqIBAXTyAQFwwgIBcg==",
      },
    })
  })

  it("reads the region from the key's ARN, in every partition", async () => {
    const regionOf = async (nativeKeyId: string) => (await host.call("ExtractKeyRegion", { nativeKeyId })).response
    expect(await regionOf(key)).toEqual({ region })
    for (const [partition, place] of [
      ["aws-us-gov", "us-gov-west-1"],
      ["aws-cn", "cn-north-1"],
    ]) {
      expect(await regionOf(`arn:${partition}:kms:${place}:${account}:alias/a`)).toEqual({ region: place })
    }
    expect(await host.call("ExtractKeyRegion", { nativeKeyId: "key" })).toMatchObject({ code: "INVALID_ARGUMENT" })
  })

  it("exits on request", async () => {
    expect(await host.close()).toMatchObject({ ok: true, plugins: [{ exit: "self" }] })
  })
})
