import { createPrivateKey } from "node:crypto"
import { fileURLToPath } from "node:url"
import { secretFromBytes, wrapKeyMaterial } from "@apeiro-cmk/plugin-sdk"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import {
  createTestAuthority,
  type GoHost,
  goHostAvailable,
  openBaoAvailable,
  startGoHost,
  type TestAuthority,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { OpenBao, roundTrip } from "./open-bao.ts"
import { upstreamPlatformPolicy } from "./platform-policy.ts"

const available = (await openBaoAvailable()) && (await goHostAvailable())
const serve = fileURLToPath(new URL("../src/serve.ts", import.meta.url))
const members = z.record(z.string(), z.unknown())
const management = z.object({
  localityId: z.string().min(1).max(128),
  commonName: z.string().min(1).max(64),
  accessData: z.object({ values: members }),
})
const created = z.object({ roleManagementConfig: management, keyManagementConfig: management })

describe.skipIf(!available)("keystores that the upstream host creates on the platform's OpenBao", () => {
  let bao: OpenBao
  let host: GoHost
  /** Authority of the upstream host: issues the certificates for that host and its cryptography layer. */
  let authority: TestAuthority

  beforeAll(async () => {
    bao = await OpenBao.start({ tls: true })
    authority = await createTestAuthority("upstream")
    // The authority that is about to be replaced, and its replacement.
    const authorities = `${(await createTestAuthority("replaced")).certificate}\n${authority.certificate}`
    await bao.admin.writePolicy("platform", upstreamPlatformPolicy())
    const platform = {
      ...{ vault_address: bao.server.address, ca_certificate: bao.server.authority?.certificate },
      ...{ auth_method: "token", client_certificate_authority: authorities },
    }
    const egress = { allowedEndpoints: [bao.server.address], allowedAddresses: ["127.0.0.1/32"] }
    const regions = { regions: [{ name: "Europe", technicalName: "eu10" }] }
    const common = { name: "OPENBAO", path: process.execPath, args: [serve] }
    const provider = {
      ...{ ...egress, platform, platformCredential: await bao.createBareToken("platform") },
      supportedregions: { source: "embedded", value: JSON.stringify(regions) },
    }
    host = await startGoHost([
      { ...common, type: "KeystoreProvider", yamlConfiguration: JSON.stringify(provider) },
      { ...common, type: "KeystoreInstanceKeyOperation", yamlConfiguration: JSON.stringify(egress) },
    ])
    expect(host.loaded).toMatchObject({ event: "loaded", ok: true })
  })
  afterAll(async () => {
    await host?.kill()
    await bao?.stop()
  })

  const provide = (method: string, request: Record<string, unknown> = {}) =>
    host.call(method, request, { type: "KeystoreProvider" })
  const operate = (method: string, request: Record<string, unknown>) =>
    host.call(method, request, { type: "KeystoreInstanceKeyOperation" })

  async function createKeystore() {
    const { response } = await provide("CreateKeystore")
    expect(response).toMatchObject({ supportedRegions: [{ name: "Europe", technicalName: "eu10" }] })
    const { roleManagementConfig: role, keyManagementConfig: key } = created.parse(response)
    return { role, key, values: role.accessData.values }
  }

  /** In the form of the upstream host: a certificate for the name, overridden by the access data. */
  async function valuesFor(commonName: string, accessData: Record<string, unknown>) {
    const issued = await authority.issue({ commonName, keyType: "rsa" })
    const privateKey = createPrivateKey(issued.privateKey).export({ type: "pkcs1", format: "pem" }).toString()
    return { authType: "AUTH_TYPE_CERTIFICATE", clientCert: issued.certificate, privateKey, ...accessData }
  }

  /** Opens a keystore with the same access, to use its key. */
  async function open({ clientCert, privateKey, authType: _, ...accessData }: Record<string, unknown>, key: string) {
    const plugin = await bao.start({}, testServices())
    const client_key = secretFromBytes(Buffer.from(String(privateKey)), "1")
    const configuration = { ...accessData, client_certificate: clientCert, client_key, key_name: key }
    return plugin.openKeystore(configuration, testCall())
  }

  async function grant(type: string, subject: string, values: Record<string, unknown>) {
    const { response } = await provide("GrantTrust", { config: { values }, subject, region: "eu10", type })
    return members.parse(response?.accessData)
  }

  it("import a key of its owner with the certificate that they name, and admit nobody else", async () => {
    const { key } = await createKeystore()
    const id = "7d3b1f0a-0000-4000-8000-00000000abcd"
    const values = await valuesFor(key.commonName, key.accessData.values)
    const create = { config: { values }, algorithm: "KEY_ALGORITHM_AES256", id, keyType: "KEY_TYPE_BYOK" }
    expect((await operate("CreateKey", create)).response).toEqual({ keyId: id, status: "PENDING_IMPORT" })
    const parameters = { parameters: { config: { values }, keyId: id } }
    const offered = await operate("GetImportParameters", parameters)
    const wrapping = offered.response?.importParameters as Parameters<typeof wrapKeyMaterial>[0] & {
      providerParams: string
    }
    const material = wrapKeyMaterial(wrapping, new Uint8Array(32).fill(7))
    const encryptedKeyMaterial = Buffer.from(material).toString("base64")
    const { providerParams } = wrapping
    const imported = { ...parameters, importParameters: { providerParams }, encryptedKeyMaterial }
    expect(await operate("ImportKeyMaterial", imported)).toMatchObject({ ok: true })
    expect((await operate("GetKey", parameters)).response).toMatchObject({ status: "ENABLED" })

    const stranger = await valuesFor("somebody-else", key.accessData.values)
    const asked = { parameters: { config: { values: stranger }, keyId: id } }
    expect(await operate("GetKey", asked)).toMatchObject({
      message: "failed to authenticate with the keystore provider",
    })
    expect(await operate("DeleteKey", parameters)).toMatchObject({ ok: true })
  })

  it("are isolated: the access to one does not open another", async () => {
    const [first, second] = [await createKeystore(), await createKeystore()]
    expect(first.key.commonName).not.toBe(second.key.commonName)
    expect(first.values).not.toEqual(second.values)
    const values = await valuesFor(first.key.commonName, second.key.accessData.values)
    expect(await operate("GetKey", { parameters: { config: { values }, keyId: "k" } })).toMatchObject({
      message: "failed to authenticate with the keystore provider",
    })
  })

  it("let the cryptography layer encrypt and nothing more, until its trust is removed", async () => {
    const { values, key } = await createKeystore()
    const owner = await valuesFor(key.commonName, key.accessData.values)
    const create = { algorithm: "KEY_ALGORITHM_AES256", id: "k", keyType: "KEY_TYPE_SYSTEM_MANAGED" }
    expect(await operate("CreateKey", { config: { values: owner }, ...create })).toMatchObject({ ok: true })
    const subject = "CN=crypto-eu10,OU=unit/team,O=Company,L=eu10,C=DE"
    const accessData = await grant("TRUST_TYPE_CRYPTO", subject, values)
    expect(await grant("TRUST_TYPE_CRYPTO", subject, values)).toEqual(accessData)

    const crypto = await valuesFor("crypto-eu10,OU=unit,OU=team,O=Company", accessData)
    const describe = (given: object) => operate("GetKey", { parameters: { config: { values: given }, keyId: "k" } })
    expect((await describe(crypto)).response).toMatchObject({ status: "ENABLED" })
    expect(Buffer.from(await roundTrip(await open(crypto, "k"))).toString()).toBe("plaintext-canary-of-openbao-test")
    await expect(roundTrip(await open(owner, "k"))).rejects.toMatchObject({ code: "DENIED" })
    const otherUnit = await valuesFor("crypto-eu10,OU=another", accessData)
    expect(await describe(otherUnit)).toMatchObject({ message: "failed to authenticate with the keystore provider" })
    expect(await operate("DeleteKey", { parameters: { config: { values: crypto }, keyId: "k" } })).toMatchObject({
      message: "failed to authenticate with the keystore provider",
    })
    expect(await provide("RemoveTrust", { config: { values }, accessData })).toMatchObject({ ok: true })
    expect(await provide("RemoveTrust", { config: { values }, accessData })).toMatchObject({ ok: true })
    // Another certificate for the same subject, which needs a new login.
    const next = await valuesFor("crypto-eu10,OU=unit,OU=team,O=Company", accessData)
    expect(await describe(next)).toMatchObject({
      message: "failed to authenticate with the keystore provider",
    })
  })

  it("admit another certificate of the host on request", async () => {
    const { values } = await createKeystore()
    const accessData = await grant("TRUST_TYPE_MANAGEMENT", "byok-acme", values)
    const owner = await valuesFor("byok-acme", accessData)
    const create = { algorithm: "KEY_ALGORITHM_AES256", id: "k", keyType: "KEY_TYPE_BYOK" }
    expect(await operate("CreateKey", { config: { values: owner }, ...create })).toMatchObject({ ok: true })
  })

  it("are removed with their contents, but only if this plugin created them", async () => {
    const { values, key } = await createKeystore()
    const owner = await valuesFor(key.commonName, key.accessData.values)
    expect(await provide("DeleteKeystore", { config: { values } })).toMatchObject({ ok: true })
    expect(await provide("DeleteKeystore", { config: { values } })).toMatchObject({ ok: true })
    expect(await operate("GetKey", { parameters: { config: { values: owner }, keyId: "k" } })).toMatchObject({
      ok: false,
    })
    for (const keystore of ["", "../sys", "0123456789abcdef0123", undefined]) {
      const refused = await provide("GrantTrust", {
        ...{ config: { values: { keystore } }, subject: "byok-acme", type: "TRUST_TYPE_MANAGEMENT" },
      })
      expect(refused).toMatchObject({ ok: false, code: keystore?.length === 20 ? "NOT_FOUND" : "INVALID_ARGUMENT" })
    }
    expect(await provide("DeleteKeystore", { config: { values: { keystore: "../sys" } } })).toMatchObject({
      code: "INVALID_ARGUMENT",
    })
  })

  it("leave nothing behind when their creation fails halfway", async () => {
    const namespaces = async () => {
      const { body } = await bao.admin.send({ method: "LIST", path: "sys/namespaces" })
      return z
        .object({ data: z.object({ keys: z.array(z.string()) }) })
        .parse(body)
        .data.keys.toSorted()
    }
    const before = await namespaces()
    await bao.admin.writePolicy(
      "platform",
      upstreamPlatformPolicy().replace(/path "\+\/sys\/auth\/cert" \{.*?\n\}\n/s, ""),
    )
    expect(await provide("CreateKeystore")).toMatchObject({
      ...{ ok: false, code: "PERMISSION_DENIED" },
      details: [{ metadata: { nextStep: expect.stringContaining("docs/guides/platform-openbao.md") } }],
    })
    await bao.admin.writePolicy("platform", upstreamPlatformPolicy())
    expect(await namespaces()).toEqual(before)
  })

  it("trust no subject that is ambiguous", async () => {
    const { values } = await createKeystore()
    for (const subject of ["O=Company", "CN=a,CN=b", "CN=*", "CN=a\\,b,O=c", "plain"]) {
      const request = { config: { values }, subject, region: "eu10", type: "TRUST_TYPE_CRYPTO" }
      expect(await provide("GrantTrust", request), subject).toMatchObject({ code: "INVALID_ARGUMENT" })
    }
    const request = { config: { values }, subject: "byok-*", type: "TRUST_TYPE_MANAGEMENT" }
    expect(await provide("GrantTrust", request)).toMatchObject({ code: "INVALID_ARGUMENT" })
  })

  it("log no key, and exit cleanly", async () => {
    expect(host.log().join("\n")).not.toContain("PRIVATE KEY")
    expect(await host.close()).toMatchObject({ ok: true, plugins: [{ exit: "self" }, { exit: "self" }] })
  })
})
