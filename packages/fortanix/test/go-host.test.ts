import { X509Certificate } from "node:crypto"
import { fileURLToPath } from "node:url"
import {
  createCmkEmulator,
  createTestAuthority,
  type GoHost,
  goHostAvailable,
  startGoHost,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { appPermissions, Dsm, type Place } from "./dsm.ts"

const serve = fileURLToPath(new URL("../src/serve.ts", import.meta.url))

describe.skipIf(!(await goHostAvailable()))("fortanix as a process under the upstream Go host", () => {
  let dsm: Dsm
  let host: GoHost
  let place: Place
  /** As the upstream host sends it: its own certificate, and the user's access data for management. */
  let values: Record<string, unknown>
  let management: Record<string, unknown>

  beforeAll(async () => {
    const authority = await createTestAuthority()
    const [server, client] = await Promise.all([
      authority.issue({ commonName: "dsm", addresses: ["127.0.0.1"] }),
      authority.issue({ commonName: "hyok-tenant" }),
    ])
    dsm = await Dsm.start({ tls: { ...server, clientAuthority: authority.certificate } })
    place = dsm.place()
    const { fingerprint256 } = new X509Certificate(client.certificate)
    const app = dsm.emulator.createApp({
      groups: { [place.group.id]: appPermissions },
      credential: { kind: "certificate", fingerprint256 },
    })
    management = {
      ...{ dsm_endpoint: dsm.emulator.address, app_uuid: app.id, group_id: place.group.name },
      ca_certificate: authority.certificate,
    }
    const { certificate: clientCert, privateKey } = client
    values = { authType: "AUTH_TYPE_CERTIFICATE", clientCert, privateKey, ...management }
    const yamlConfiguration = JSON.stringify(dsm.pluginConfiguration())
    host = await startGoHost([
      {
        name: "FORTANIX",
        type: "KeystoreInstanceKeyOperation",
        path: process.execPath,
        args: [serve],
        yamlConfiguration,
      },
    ])
    expect(host.loaded).toMatchObject({ event: "loaded", ok: true })
  })
  afterAll(async () => {
    await host?.kill()
    await dsm?.stop()
  })

  const parameters = (keyId: string, given = values) => ({ parameters: { config: { values: given }, keyId } })

  it("describes a key and its versions, logged in with the host's certificate", async () => {
    const keyId = place.key.name ?? ""
    const { response } = await host.call("GetKey", parameters(keyId))
    expect(response).toMatchObject({
      ...{ keyId, algorithm: "KEY_ALGORITHM_AES256", status: "ENABLED", usage: "ENCRYPT_DECRYPT" },
      latestKeyVersionId: place.key.kid,
    })
    const { response: versions } = await host.call("GetKeyVersions", parameters(keyId))
    expect(versions).toMatchObject({ versions: [{ versionId: place.key.kid, status: "ENABLED" }] })
    expect(host.log().join("\n")).not.toContain(String(values.privateKey).split("\n")[1])
  })

  it("registers a key that its owner holds, and sees each change to it at the next sync", async () => {
    const { clientCert, privateKey } = values
    const cmk = createCmkEmulator(host, { clientCert: String(clientCert), privateKey: String(privateKey) })
    const hyok = { nativeId: place.key.name ?? "", management }
    expect(await cmk.register(hyok)).toEqual({ status: 201, region: "127.0.0.1", primaryVersion: place.key.kid })
    place.key.enabled = false
    expect(await cmk.sync(hyok)).toBe("DISABLED")
    place.key.enabled = true
    expect(await cmk.sync(hyok)).toBe("ENABLED")
    expect(await cmk.register({ ...hyok, nativeId: "no-such-key" })).toEqual({
      ...{ status: 400, code: "REGISTER_KEY_PROVIDER_KEY_NOT_FOUND" },
    })
  })

  it("answers with the texts that the host compares letter by letter", async () => {
    expect(await host.call("GetKey", parameters("no-such-key"))).toMatchObject({
      ...{ code: "NOT_FOUND", message: "key not found in the keystore provider" },
    })
    const stranger = await (await createTestAuthority("stranger")).issue({ commonName: "hyok-tenant" })
    const rejected = { ...values, clientCert: stranger.certificate, privateKey: stranger.privateKey }
    expect(await host.call("GetKey", parameters(place.key.name ?? "", rejected))).toMatchObject({
      ...{ code: "INVALID_ARGUMENT", message: "failed to authenticate with the keystore provider" },
    })
  })

  it("creates one key for one id of the host, and disables, enables and deletes it", async () => {
    const id = "7d3b1f0a-0000-4000-8000-00000000abcd"
    const request = {
      config: { values },
      algorithm: "KEY_ALGORITHM_AES256",
      id,
      region: "",
      keyType: "KEY_TYPE_SYSTEM_MANAGED",
    }
    const { response } = await host.call("CreateKey", request)
    expect(response).toMatchObject({ keyId: id, status: "ENABLED" })
    expect((await host.call("CreateKey", request)).response).toEqual(response)
    for (const [method, status] of [
      ["DisableKey", "DISABLED"],
      ["EnableKey", "ENABLED"],
    ] as const) {
      expect(await host.call(method, parameters(id))).toMatchObject({ ok: true })
      expect((await host.call("GetKey", parameters(id))).response).toMatchObject({ status })
    }
    expect(await host.call("DeleteKey", parameters(id))).toMatchObject({ ok: true })
    expect(await host.call("GetKey", parameters(id))).toMatchObject({ code: "NOT_FOUND" })
  })

  it("validates access data without a network", async () => {
    const validate = (data: object) => host.call("ValidateKeyAccessData", { management: data, crypto: {} })
    expect((await validate(management)).response).toEqual({ isValid: true })
    const { app_uuid: _, ...incomplete } = management
    expect(await validate(incomplete)).toMatchObject({
      ...{ code: "INVALID_ARGUMENT", message: "invalid key access data" },
      details: [{ metadata: { missingFields: "app_uuid" } }],
    })
  })

  it("names the host of DSM as the region, and exits on its own when asked to", async () => {
    const managementAccessData = management
    expect((await host.call("ExtractKeyRegion", { nativeKeyId: "key", managementAccessData })).response).toEqual({
      region: "127.0.0.1",
    })
    expect(await host.close()).toMatchObject({ ok: true, plugins: [{ exit: "self" }] })
  })
})
