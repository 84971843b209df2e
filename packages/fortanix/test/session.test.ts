import { generateKeyPairSync, sign, X509Certificate } from "node:crypto"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { secretFromBytes } from "@apeiro-cmk/plugin-sdk"
import { fakeClock, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createTestAuthority } from "@apeiro-cmk/test-backends"
import { describe, expect, it, onTestFinished } from "vitest"
import { appPermissions, Dsm } from "./dsm.ts"

async function start(options?: Parameters<typeof Dsm.start>[0]) {
  const dsm = await Dsm.start(options)
  onTestFinished(() => dsm.stop())
  return dsm
}

/** Creates the folder of the tenant's files. */
async function tenantFolder() {
  const credentialDirectory = await mkdtemp(join(tmpdir(), "fortanix-"))
  onTestFinished(() => rm(credentialDirectory, { recursive: true, force: true }))
  const folder = join(credentialDirectory, "acme")
  await mkdir(folder)
  return { credentialDirectory, folder }
}

const logins = (dsm: Dsm) => dsm.emulator.requests.filter((request) => request.includes("/session/auth"))

describe("the session at DSM", () => {
  it("is shared by all callers that wait, and recorded once", async () => {
    const dsm = await start()
    const services = testServices()
    const plugin = await dsm.plugin(services)
    const keystore = await plugin.openKeystore(dsm.place().configuration, testCall())
    await Promise.all(Array.from({ length: 20 }, () => keystore.probe(testCall())))
    expect(logins(dsm)).toEqual(["POST /sys/v1/session/auth 200"])
    expect(services.auditEvents).toMatchObject([
      { action: "keystoreLogin", outcome: "success", facts: { method: "api_key" } },
    ])
    await plugin.stop()
    expect(dsm.emulator.requests.at(-1)).toBe("POST /sys/v1/session/terminate 204")
    expect(dsm.emulator.sessions.tokens).toEqual([])
  })

  it("is replaced once after DSM has ended it, and no call fails", async () => {
    const dsm = await start()
    const plugin = await dsm.plugin(testServices())
    const keystore = await plugin.openKeystore(dsm.place().configuration, testCall())
    await keystore.probe(testCall())
    dsm.emulator.sessions.revoke()
    await Promise.all(Array.from({ length: 10 }, () => keystore.probe(testCall())))
    expect(logins(dsm)).toHaveLength(2)
    await plugin.stop()
  })

  it("is replaced before use after it has been idle too long", async () => {
    const dsm = await start()
    dsm.emulator.sessions.lifeSeconds = 100
    const clock = fakeClock()
    const plugin = await dsm.plugin(testServices({ clock }))
    const keystore = await plugin.openKeystore(dsm.place().configuration, testCall())
    await keystore.probe(testCall())
    await clock.advance(60_000)
    await keystore.probe(testCall())
    expect(logins(dsm)).toHaveLength(1)
    await clock.advance(75_000)
    await keystore.probe(testCall())
    expect(logins(dsm)).toHaveLength(2)
    expect(dsm.emulator.requests.filter((request) => request.endsWith(" 401"))).toEqual([])
    await plugin.stop()
  })

  it("does not try a rejected API key again for a minute, but tries a new one at once", async () => {
    const dsm = await start()
    const { credentialDirectory, folder } = await tenantFolder()
    const place = dsm.place()
    const { api_key: good = "", ...rest } = place.configuration
    const path = join(folder, "api-key")
    await writeFile(path, Buffer.from(`${place.app.id}:wrong`).toString("base64"))
    const plugin = await dsm.plugin(testServices({ credentialDirectory }))
    const keystore = await plugin.openKeystore({ ...rest, api_key_path: "api-key" }, testCall())
    for (let time = 0; time < 3; time += 1) {
      await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    }
    expect(logins(dsm)).toEqual(["POST /sys/v1/session/auth 401"])
    await writeFile(path, `${good}\n`)
    await keystore.probe(testCall())
    expect(logins(dsm)).toHaveLength(2)
    await plugin.stop()
  })

  it("begins with the app's secret alone as well, and refuses the key of another app without sending it", async () => {
    const dsm = await start()
    const place = dsm.place()
    const plugin = await dsm.plugin(testServices())
    const secret = place.app.credential.kind === "secret" ? place.app.credential.secret : ""
    const keystore = await plugin.openKeystore({ ...place.configuration, api_key: secret }, testCall())
    await keystore.probe(testCall())
    const other = await plugin.openKeystore({ ...place.configuration, api_key: dsm.place().apiKey }, testCall())
    await expect(other.probe(testCall())).rejects.toMatchObject({ code: "INVALID_REQUEST" })
    expect(logins(dsm)).toHaveLength(1)
    await plugin.stop()
  })

  it("begins with a client certificate, which accompanies each request", async () => {
    const authority = await createTestAuthority()
    const [server, client] = await Promise.all([
      authority.issue({ commonName: "dsm", addresses: ["127.0.0.1"] }),
      authority.issue({ commonName: "openkcm" }),
    ])
    const dsm = await start({ tls: { ...server, clientAuthority: authority.certificate } })
    const { group, configuration } = dsm.place()
    const { fingerprint256 } = new X509Certificate(client.certificate)
    const credential = { kind: "certificate", fingerprint256 } as const
    const app = dsm.emulator.createApp({ groups: { [group.id]: appPermissions }, credential })
    const { api_key: _, ...rest } = configuration
    const given = {
      ...{ ...rest, app_uuid: app.id, auth_method: "client_certificate", ca_certificate: authority.certificate },
      ...{ client_certificate: client.certificate, client_key: secretFromBytes(Buffer.from(client.privateKey), "1") },
    }
    const plugin = await dsm.plugin(testServices())
    const keystore = await plugin.openKeystore(given, testCall())
    await keystore.probe(testCall())
    const stranger = await (await createTestAuthority("other")).issue({ commonName: "openkcm" })
    const refused = await plugin.openKeystore(
      {
        ...given,
        client_certificate: stranger.certificate,
        client_key: secretFromBytes(Buffer.from(stranger.privateKey), "1"),
      },
      testCall(),
    )
    await expect(refused.probe(testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await plugin.stop()
  })

  it("begins with a signed token, read again at each login", async () => {
    const dsm = await start()
    const { credentialDirectory, folder } = await tenantFolder()
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
    const issuer = "https://issuer.test"
    const { group, configuration } = dsm.place()
    const app = dsm.emulator.createApp({
      groups: { [group.id]: appPermissions },
      credential: { kind: "signedJwt", issuers: [issuer], keys: new Map([["key-1", publicKey]]) },
    })
    const token = (exp: number) => {
      const parts = [
        { alg: "RS256", kid: "key-1" },
        { iss: issuer, sub: app.id, exp },
      ]
      const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")
      return `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`
    }
    const nowSeconds = Math.floor(Date.now() / 1000)
    await writeFile(join(folder, "token"), token(nowSeconds + 300))
    const { api_key: _, ...rest } = configuration
    const plugin = await dsm.plugin(testServices({ credentialDirectory }))
    const given = { ...rest, app_uuid: app.id, auth_method: "signed_jwt", jwt_path: "token" }
    const keystore = await plugin.openKeystore(given, testCall())
    await keystore.probe(testCall())
    dsm.emulator.sessions.revoke()
    await writeFile(join(folder, "token"), token(nowSeconds - 1))
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await writeFile(join(folder, "token"), token(nowSeconds + 600))
    await keystore.probe(testCall())
    await plugin.stop()
  })
})
