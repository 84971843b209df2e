import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBao, roundTrip } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: credentials", () => {
  let bao: OpenBao
  let credentialDirectory: string
  beforeAll(async () => {
    bao = await OpenBao.start()
    credentialDirectory = await mkdtemp(join(tmpdir(), "credentials-"))
    await mkdir(join(credentialDirectory, "acme"))
  })
  afterAll(async () => {
    await bao?.stop()
    await rm(credentialDirectory, { recursive: true, force: true })
  })

  async function logins() {
    const entries = await bao.server.auditEntries()
    return entries.filter(({ type, request }) => type === "request" && request.path === "auth/approle/login").length
  }

  it("logs in once for many parallel calls, and once for many consecutive calls", async () => {
    const { keystore } = await bao.open()
    const before = await logins()
    await Promise.all(Array.from({ length: 20 }, () => roundTrip(keystore)))
    await roundTrip(keystore)
    expect(await logins()).toBe(before + 1)
  })

  it("reports each login to the tenant's audit stream with OpenBao's own request id", async () => {
    const { keystore, services } = await bao.open()
    await roundTrip(keystore)
    expect(services.auditEvents).toEqual([
      {
        action: "keystoreLogin",
        outcome: "success",
        tenantId: "acme",
        requestId: "test-request",
        keystoreId: "test-keystore",
        facts: { method: "approle" },
        backendRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    ])
    const entries = await bao.server.auditEntries()
    expect(entries.map(({ request }) => request.id)).toContain(services.auditEvents[0]?.backendRequestId)
  })

  it("returns the request id under which OpenBao's audit log records the operation", async () => {
    const { keystore, key } = await bao.open()
    const context = { tenantId: "acme", keyId: "l2", keyVersion: 1 }
    const request = { key: keystore.defaultKey, plaintext: Buffer.alloc(32), context }
    const { backendRequestId } = await keystore.encrypt(request, testCall())
    const entries = await bao.server.auditEntries()
    expect(entries.find(({ request: each }) => each.id === backendRequestId)?.request.path).toContain(`encrypt/${key}`)
  })

  it("logs in again when its token is revoked, without a failed call", async () => {
    const { keystore, services } = await bao.open()
    await roundTrip(keystore)
    await bao.admin.revokeTokensOf("auth/approle/login")
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    expect(services.auditEvents.map(({ action }) => action)).toEqual(["keystoreLogin", "keystoreLogin"])
  })

  it("throws CREDENTIAL_REJECTED when token and secret id are both invalid, and records it", async () => {
    const { keystore, services, role, secretId } = await bao.open()
    await roundTrip(keystore)
    await bao.admin.destroySecretId(role, secretId)
    await bao.admin.revokeTokensOf("auth/approle/login")
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    expect(services.auditEvents.at(-1)).toMatchObject({ outcome: "failure", code: "CREDENTIAL_REJECTED" })
  })

  it("does not present a rejected secret id repeatedly, which would lock the role out", async () => {
    const { keystore, services } = await bao.open({ configuration: { secret_id: "wrong-secret-id" } })
    const before = await logins()
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    }
    expect(await logins()).toBe(before + 1)
    expect(services.auditEvents).toHaveLength(1)
  })

  it("reads the secret id from the tenant's folder at each login, so that it uses a rotated file at once", async () => {
    const services = testServices({ credentialDirectory })
    const file = join(credentialDirectory, "acme", "openbao-secret-id")
    await writeFile(file, "not-yet-the-right-one\n")
    const { keystore, secretId, role } = await bao.open({
      services,
      configuration: { secret_id: undefined, secret_id_path: "/openbao-secret-id" },
    })
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await writeFile(file, `${secretId}\n`)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)

    await writeFile(file, await bao.admin.createSecretId(role))
    await bao.admin.destroySecretId(role, secretId)
    await bao.admin.revokeTokensOf("auth/approle/login")
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
  })

  it("throws INVALID_REQUEST for a file that is missing or outside of the tenant's folder, and names the field", async () => {
    for (const path of ["no-such-file", "../../etc/passwd"]) {
      const { keystore } = await bao.open({
        services: testServices({ credentialDirectory }),
        configuration: { secret_id: undefined, secret_id_path: path },
      })
      await expect(roundTrip(keystore)).rejects.toMatchObject({
        code: "INVALID_REQUEST",
        message: "The file that secret_id_path names cannot be read.",
        nextStep: expect.stringContaining(`<credentialDirectory>/acme/${path}; `),
      })
    }
  })

  it("renews a short-lived token before it expires, and logs in again before its maximum life", async () => {
    const { keystore, services } = await bao.open({ tokenTtlSeconds: 6, tokenMaxTtlSeconds: 9 })
    await roundTrip(keystore)
    await expect
      .poll(() => services.auditEvents.map(({ action, outcome }) => `${action} ${outcome}`), { timeout: 20_000 })
      .toEqual(expect.arrayContaining(["keystoreLogin success", "keystoreTokenRenewal success"]))
    await expect
      .poll(() => services.auditEvents.filter(({ action }) => action === "keystoreLogin").length, { timeout: 20_000 })
      .toBeGreaterThan(1)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    expect(services.auditEvents).not.toContainEqual(
      expect.objectContaining({ action: "keystoreLogin", outcome: "failure" }),
    )
  })

  it("revokes its token when it is closed, and rejects later calls with CANCELLED", async () => {
    const { keystore } = await bao.open()
    await roundTrip(keystore)
    await keystore.close()
    await keystore.close()
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CANCELLED" })
    const entries = await bao.server.auditEntries()
    expect(entries.at(-1)).toMatchObject({ type: "response", request: { path: "auth/token/revoke-self" } })
  })

  it("does not revoke a stored token when it is closed", async () => {
    const { token } = await bao.admin.createToken({ policies: ["root"] })
    const { keystore } = await bao.openWithToken(token)
    await roundTrip(keystore)
    await keystore.close()
    await expect(bao.server.send({ method: "GET", path: "auth/token/lookup-self", token })).resolves.toMatchObject({
      status: 200,
    })
  })
})
