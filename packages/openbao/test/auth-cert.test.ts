import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { createTestAuthority, type IssuedCertificate, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBao, roundTrip, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: login with a client certificate (cert)", () => {
  let bao: OpenBao
  let key: string
  let credentialDirectory: string
  beforeAll(async () => {
    bao = await OpenBao.start({ tls: true })
    credentialDirectory = await mkdtemp(join(tmpdir(), "credentials-"))
    await mkdir(join(credentialDirectory, "acme"))
    key = await bao.createKeyAndPolicy()
    await bao.admin.enableAuth("cert")
    await bao.write("auth/cert/certs/openkcm", {
      certificate: bao.server.authority?.certificate ?? "",
      allowed_common_names: ["openkcm-of-acme"],
      token_policies: [key],
      token_ttl: "1h",
    })
  })
  afterAll(async () => {
    await bao?.stop()
    await rm(credentialDirectory, { recursive: true, force: true })
  })

  async function issue(commonName = "openkcm-of-acme", validUntilMs?: number): Promise<IssuedCertificate> {
    const { authority } = bao.server
    if (authority === undefined) throw new Error("the server has no authority")
    return authority.issue({ commonName, ...(validUntilMs === undefined ? {} : { validUntilMs }) })
  }

  const by = ({ certificate, privateKey }: IssuedCertificate) => ({
    auth_method: "cert",
    client_certificate: certificate,
    client_key: privateKey,
  })

  it("works with a stored certificate and key, with or without a role, and passes the connection test", async () => {
    for (const role of ["openkcm", undefined]) {
      const services = testServices()
      const issued = await issue()
      const keystore = await bao.openAs(key, { ...by(issued), role }, services)
      await expect(roundTrip(keystore)).resolves.toHaveLength(32)
      const steps = [...(await stepsOf(keystore)).values()]
      expect(steps.map(({ outcome }) => outcome)).toEqual([...Array(6).fill("passed"), "skipped"])
      expect(services.auditEvents[0]).toMatchObject({ action: "keystoreLogin", facts: { method: "cert" } })
      expect(services.logger.text()).not.toContain(issued.privateKey.split("\n")[1])
    }
  })

  it("throws CREDENTIAL_REJECTED for another name, another authority and another role", async () => {
    const stranger = await createTestAuthority("stranger")
    const wrong = [
      by(await issue("somebody-else")),
      by(await stranger.issue({ commonName: "openkcm-of-acme" })),
      { ...by(await issue()), role: "no-such-role" },
    ]
    for (const fields of wrong) {
      const keystore = await bao.openAs(key, fields)
      await expect(roundTrip(keystore)).rejects.toMatchObject({
        code: "CREDENTIAL_REJECTED",
        nextStep: expect.stringContaining("authority"),
      })
    }
  })

  it("states when a certificate expired, without sending it", async () => {
    const keystore = await bao.openAs(key, by(await issue(undefined, Date.parse("2026-01-02T03:04:05Z"))))
    const before = (await bao.server.auditEntries()).length
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
      message: expect.stringContaining("2026-01-02T03:04:05"),
    })
    expect(await bao.server.auditEntries()).toHaveLength(before)
  })

  it("throws INVALID_REQUEST for a key of another certificate, for two keys, and for a malformed key", async () => {
    const { certificate, privateKey: own } = await issue()
    const foreign = (await issue()).privateKey
    const others = [foreign, own + foreign, foreign + own, own + own, "canary-of-no-key"]
    for (const privateKey of others) {
      const services = testServices()
      const keystore = await bao.openAs(key, by({ certificate, privateKey }), services)
      const failure = await roundTrip(keystore).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: "INVALID_REQUEST", message: expect.stringContaining("belong") })
      expect(`${failure} ${services.logger.text()}`).not.toContain("canary-of-no-key")
    }
  })

  it("logs in with a certificate that was replaced on disk, even while the old token is valid", async () => {
    const write = async ({ certificate, privateKey }: IssuedCertificate) => {
      await writeFile(join(credentialDirectory, "acme", "tls.crt"), certificate)
      await writeFile(join(credentialDirectory, "acme", "tls.key"), privateKey)
    }
    await write(await issue("somebody-else"))
    const fields = { auth_method: "cert", client_certificate_path: "tls.crt", client_key_path: "tls.key" }
    const keystore = await bao.openAs(key, fields, testServices({ credentialDirectory }))
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await write(await issue())
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    await write(await issue())
    const steps = await stepsOf(keystore)
    expect(steps.get("token_renewal")).toMatchObject({ outcome: "passed" })
    await expect(keystore.probe(testCall())).resolves.toMatchObject({ latencyMs: expect.any(Number) })
  })

  it("renews or logs in again when the certificate changes shortly before the token expires", async () => {
    await bao.write("auth/cert/certs/short", {
      certificate: bao.server.authority?.certificate ?? "",
      allowed_common_names: ["openkcm-short"],
      token_policies: [key],
      token_ttl: "4s",
    })
    const file = (name: string) => join(credentialDirectory, "acme", name)
    const write = async ({ certificate, privateKey }: IssuedCertificate) => {
      await writeFile(file("short.crt"), certificate)
      await writeFile(file("short.key"), privateKey)
    }
    await write(await issue("openkcm-short"))
    const services = testServices({ credentialDirectory })
    const fields = { auth_method: "cert", client_certificate_path: "short.crt", client_key_path: "short.key" }
    const keystore = await bao.openAs(key, fields, services)
    await roundTrip(keystore)
    await write(await issue("openkcm-short"))
    await expect.poll(() => services.auditEvents.length, { timeout: 15_000 }).toBeGreaterThan(3)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    expect(services.auditEvents.filter(({ action }) => action === "keystoreLogin")).not.toContainEqual(
      expect.objectContaining({ outcome: "failure" }),
    )
  })
})
