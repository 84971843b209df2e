import { createPrivateKey } from "node:crypto"
import { fileURLToPath } from "node:url"
import { wrapKeyMaterial } from "@apeiro-cmk/plugin-sdk"
import {
  createCmkEmulator,
  createTestAuthority,
  type GoHost,
  goHostAvailable,
  openBaoAvailable,
  startGoHost,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { lifeCyclePolicy, mount, OpenBao } from "./open-bao.ts"

const available = (await openBaoAvailable()) && (await goHostAvailable())

const serve = fileURLToPath(new URL("../src/serve.ts", import.meta.url))
const entry = { name: "OPENBAO", type: "KeystoreInstanceKeyOperation", path: process.execPath, args: [serve] }

describe.skipIf(!available)("openbao as a process under the upstream Go host", () => {
  let bao: OpenBao
  let host: GoHost
  /** Values of the upstream host: its own certificate, and the user's access data for management. */
  let values: Record<string, unknown>
  let management: Record<string, string>
  let certificate: { clientCert: string; privateKey: string }
  const key = "customer-key"

  beforeAll(async () => {
    bao = await OpenBao.start({ tls: true })
    const authority = required(bao.server.authority)
    await bao.admin.createTransitKey({ mount, name: key })
    await allow([key, "byok-key", "hyok-key"])
    await bao.admin.enableAuth("cert")
    await bao.write("auth/cert/certs/openkcm", {
      ...{ certificate: authority.certificate, allowed_common_names: ["hyok-tenant"], token_policies: ["openkcm"] },
    })
    const issued = await authority.issue({ commonName: "hyok-tenant", keyType: "rsa" })
    // In the form of the upstream host: RSA of 3072 bits, PKCS #1.
    const privateKey = createPrivateKey(issued.privateKey).export({ type: "pkcs1", format: "pem" }).toString()
    certificate = { clientCert: issued.certificate, privateKey }
    management = {
      vault_address: bao.server.address,
      ca_certificate: authority.certificate,
      mount_path: mount,
      role: "openkcm",
    }
    values = { authType: "AUTH_TYPE_CERTIFICATE", ...certificate, ...management }
    const yamlConfiguration = `allowedEndpoints: ["${bao.server.address}"]\nallowedAddresses: ["127.0.0.1/32"]\n`
    host = await startGoHost([{ ...entry, logLevel: "debug", yamlConfiguration }])
    expect(host.loaded).toMatchObject({ event: "loaded", ok: true })
  })
  afterAll(async () => {
    await host?.kill()
    await bao?.stop()
  })

  const allow = (keys: readonly string[]) => bao.admin.writePolicy("openkcm", keys.map(lifeCyclePolicy).join("\n"))

  const parameters = (keyId: string, more: Record<string, unknown> = {}) => ({
    parameters: { config: { values: { ...values, ...more } }, keyId },
  })

  it("describes a key, with its newest version and the creation time of that version", async () => {
    const { response } = await host.call("GetKey", parameters(key))
    expect(response).toMatchObject({
      keyId: key,
      algorithm: "KEY_ALGORITHM_AES256",
      status: "ENABLED",
      usage: "ENCRYPT_DECRYPT",
      latestKeyVersionId: "1",
      latestRotationTime: expect.stringMatching(/^20/),
    })
    await bao.admin.rotateTransitKey(mount, key)
    expect((await host.call("GetKey", parameters(key))).response).toMatchObject({ latestKeyVersionId: "2" })
    const { response: versions } = await host.call("GetKeyVersions", parameters(key))
    expect(versions).toMatchObject({ versions: [{ versionId: "1", status: "ENABLED" }, { versionId: "2" }] })
  })

  it("answers twenty parallel calls on one keystore that is opened once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => host.call("GetKey", parameters(key))))
    expect(answers.filter(({ ok }) => ok)).toHaveLength(20)
    const entries = await bao.server.auditEntries()
    const logins = entries.filter(({ type, request }) => type === "request" && request.path === "auth/cert/login")
    expect(logins.length).toBeLessThanOrEqual(1)
  })

  it("answers with the exact texts that the host compares", async () => {
    expect(await host.call("GetKey", parameters("byok-key"))).toMatchObject({
      code: "NOT_FOUND",
      message: "key not found in the keystore provider",
      details: [{ reason: "KEY_NOT_FOUND" }],
    })
    const stranger = await (await createTestAuthority("stranger")).issue({ commonName: "hyok-tenant" })
    const rejected = parameters(key, { clientCert: stranger.certificate, privateKey: stranger.privateKey })
    expect(await host.call("GetKey", rejected)).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "failed to authenticate with the keystore provider",
    })
    const elsewhere = parameters(key, { vault_address: "https://169.254.169.254" })
    expect(await host.call("GetKey", elsewhere)).toMatchObject({
      code: "INVALID_ARGUMENT",
      details: [{ reason: "INVALID_REQUEST" }],
    })
    expect(await host.call("EnableKey", parameters(key))).toMatchObject({ code: "UNIMPLEMENTED" })
  })

  it("registers a key that its owner holds, and reports each change at the next sync", async () => {
    const cmk = createCmkEmulator(host, certificate)
    const hyok = { nativeId: "hyok-key", management }
    expect(await cmk.register(hyok)).toEqual({ status: 400, code: "REGISTER_KEY_PROVIDER_KEY_NOT_FOUND" })
    await bao.admin.createTransitKey({ mount, name: "hyok-key" })
    expect(await cmk.register(hyok)).toEqual({ status: 201, region: "127.0.0.1", primaryVersion: "1" })
    await bao.admin.rotateTransitKey(mount, "hyok-key")
    expect(await cmk.register(hyok)).toMatchObject({ status: 201, primaryVersion: "2" })
    expect(await cmk.sync(hyok)).toBe("ENABLED")
    await allow([key, "byok-key"])
    expect(await cmk.sync(hyok)).toBe("FORBIDDEN")
    await allow([key, "byok-key", "hyok-key"])
    await bao.server.halt()
    expect(await cmk.sync(hyok)).toBe("UNKNOWN")
    await bao.server.start()
    await bao.admin.deleteTransitKey(mount, "hyok-key")
    expect(await cmk.sync(hyok)).toBe("DELETED")
  })

  it("does not register a key with wrong access data, and names them", async () => {
    const cmk = createCmkEmulator(host, certificate)
    const { vault_address: _, ...incomplete } = management
    expect(await cmk.register({ nativeId: key, management: incomplete })).toEqual({
      ...{ status: 400, code: "INVALID_ACCESS_DATA" },
      context: { reason: "MISSING_FIELDS", missingFields: "vault_address" },
    })
    const stranger = await (await createTestAuthority("stranger")).issue({ commonName: "hyok-tenant" })
    const unknown = createCmkEmulator(host, { clientCert: stranger.certificate, privateKey: stranger.privateKey })
    expect(await unknown.register({ nativeId: key, management })).toEqual({
      ...{ status: 400, code: "REGISTER_KEY_AUTHENTICATION_FAILED" },
    })
  })

  it("imports a key of its owner, from creation to deletion", async () => {
    const create = { config: { values }, algorithm: "KEY_ALGORITHM_AES256", id: "byok-key", keyType: "KEY_TYPE_BYOK" }
    expect((await host.call("CreateKey", create)).response).toEqual({ keyId: "byok-key", status: "PENDING_IMPORT" })
    const { response } = await host.call("GetImportParameters", parameters("byok-key"))
    const importParameters = record(response?.importParameters)
    expect(importParameters).toMatchObject({ wrappingAlgorithm: "CKM_RSA_AES_KEY_WRAP", hashFunction: "SHA256" })
    const wrapping = {
      publicKey: String(importParameters.publicKey),
      wrappingAlgorithm: "CKM_RSA_AES_KEY_WRAP",
      hashFunction: "SHA256",
    } as const
    const wrapped = wrapKeyMaterial(wrapping, new Uint8Array(32).fill(7))
    const request = {
      ...parameters("byok-key"),
      importParameters: { providerParams: importParameters.providerParams },
      encryptedKeyMaterial: Buffer.from(wrapped).toString("base64"),
    }
    expect(await host.call("ImportKeyMaterial", request)).toMatchObject({ ok: true })
    expect((await host.call("GetKey", parameters("byok-key"))).response).toMatchObject({ status: "ENABLED" })
    expect(await host.call("DeleteKey", parameters("byok-key"))).toMatchObject({ ok: true })
    expect(await host.call("GetKey", parameters("byok-key"))).toMatchObject({ code: "NOT_FOUND" })
  })

  it("validates access data without a network, and refuses values that the host itself sets", async () => {
    const { vault_address, mount_path } = values
    const management = { vault_address, mount_path }
    const validate = (given: Record<string, unknown>) =>
      host.call("ValidateKeyAccessData", { management: given, crypto: {} })
    expect((await validate(management)).response).toEqual({ isValid: true })
    expect(await validate({ mount_path })).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "invalid key access data",
      details: [{ reason: "MISSING_FIELDS", metadata: { missingFields: "vault_address" } }],
    })
    expect(await validate({ ...management, mount_path: "../sys" })).toMatchObject({
      message: "invalid key access data",
      details: [{ reason: "CANNOT_PARSE_DATA" }],
    })
    for (const reserved of ["authType", "clientCert", "privateKey"]) {
      expect(await validate({ ...management, [reserved]: "x" })).toMatchObject({
        message: "invalid key access data",
        details: [{ reason: "CANNOT_PARSE_DATA", metadata: { reservedFields: reserved } }],
      })
    }
    const region = await host.call("ExtractKeyRegion", { nativeKeyId: key, managementAccessData: management })
    expect(region.response).toEqual({ region: "127.0.0.1" })
    const hyok = { keyType: "KEY_TYPE_BYOK", algorithm: "KEY_ALGORITHM_RSA3072", region: "eu10" }
    expect((await host.call("ValidateKey", hyok)).response).toMatchObject({
      message: expect.stringContaining("AES256"),
    })
  })

  it("reports healthy while OpenBao is down", async () => {
    await bao.server.halt()
    expect(await host.call("GetKey", parameters(key))).toMatchObject({ code: "UNAVAILABLE" })
    expect((await host.call("$health")).response).toEqual({ status: "SERVING" })
    await bao.server.start()
    expect(await host.call("GetKey", parameters(key))).toMatchObject({ ok: true })
  })

  it("logs no private key, and exits on request", async () => {
    const secret = String(values.privateKey).split("\n")[1]
    expect(host.log().join("\n")).not.toContain(secret)
    expect(host.log().some((line) => line.includes("keystoreLogin"))).toBe(true)
    const closed = await host.close()
    expect(closed).toMatchObject({ ok: true, plugins: [{ exit: "self" }] })
  })
})

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("missing")
  return value
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {}
}
