import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as z from "zod"
import { narrowPolicy, OpenBao, roundTrip, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()
const wrapped = z.object({ wrap_info: z.object({ token: z.string() }) })

describe.skipIf(!available)("openbao: AppRole with wrapped secret ids and batch tokens", () => {
  let bao: OpenBao
  let key: string
  let roleId: string
  let credentialDirectory: string
  beforeAll(async () => {
    bao = await OpenBao.start()
    credentialDirectory = await mkdtemp(join(tmpdir(), "credentials-"))
    await mkdir(join(credentialDirectory, "acme"))
    key = await bao.createKeyAndPolicy()
    roleId = (await bao.admin.createAppRole({ name: "openkcm", policies: [key] })).roleId
  })
  afterAll(async () => {
    await bao?.stop()
    await rm(credentialDirectory, { recursive: true, force: true })
  })

  /** Writes as root and requests a wrapped answer. @returns the wrapping token */
  async function wrap(path: string, namespace?: string): Promise<string> {
    const answer = await fetch(`${bao.server.address}/v1/${path}`, {
      method: "POST",
      body: "{}",
      headers: {
        "x-vault-token": bao.server.rootToken,
        "x-vault-wrap-ttl": "300s",
        ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
      },
    })
    return wrapped.parse(await answer.json()).wrap_info.token
  }
  const by = (wrapped_secret_id: string) => ({ auth_method: "approle", role_id: roleId, wrapped_secret_id })

  async function countOf(path: string) {
    const entries = await bao.server.auditEntries()
    return entries.filter(({ type, request }) => type === "request" && request.path === path).length
  }

  it("unwraps a secret id once for many calls, another login and another keystore of the same tenant", async () => {
    const before = await countOf("sys/wrapping/unwrap")
    const services = testServices()
    const fields = { ...bao.configuration(key), ...by(await bao.admin.createWrappedSecretId("openkcm")) }
    const plugin = await bao.start({}, services)
    const keystore = await plugin.openKeystore(fields, testCall())
    await Promise.all(Array.from({ length: 10 }, () => roundTrip(keystore)))
    expect([...(await stepsOf(keystore)).values()].map(({ outcome }) => outcome)).toEqual([
      ...Array(6).fill("passed"),
      "skipped",
    ])
    await keystore.close()
    const again = await plugin.openKeystore(fields, testCall())
    await expect(roundTrip(again)).resolves.toHaveLength(32)
    expect(await countOf("sys/wrapping/unwrap")).toBe(before + 1)
    expect(services.logger.text()).not.toContain(fields.wrapped_secret_id)
  })

  it("remembers an unwrapped secret id, however many tenants log in otherwise", async () => {
    const fields = { ...bao.configuration(key), ...by(await bao.admin.createWrappedSecretId("openkcm")) }
    const plugin = await bao.start({}, testServices())
    const first = await plugin.openKeystore(fields, testCall())
    await roundTrip(first)
    await first.close()
    const withToken = { ...bao.configuration(key), auth_method: "token", token: "s.never-used" }
    for (let tenant = 0; tenant <= 10_000; tenant += 1) {
      const keystore = await plugin.openKeystore(withToken, testCall({ tenantId: `tenant-${tenant}` }))
      await keystore.close()
    }
    const again = await plugin.openKeystore(fields, testCall())
    await expect(roundTrip(again)).resolves.toHaveLength(32)
  })

  it("reports a wrapping token that somebody else used as compromised", async () => {
    const token = await bao.admin.createWrappedSecretId("openkcm")
    await bao.server.send({ method: "POST", path: "sys/wrapping/unwrap", token, body: {} })
    const services = testServices()
    const keystore = await bao.openAs(key, by(token), services)
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
      message: expect.stringContaining("compromised"),
    })
    expect(services.auditEvents).toMatchObject([{ outcome: "failure", code: "CREDENTIAL_REJECTED" }])
  })

  it("does not unwrap a wrapping token that wraps something else", async () => {
    await bao.admin.enableAuth("approle", "other")
    await bao.admin.createAppRole({ mount: "other", name: "openkcm", policies: [key] })
    for (const path of ["auth/other/role/openkcm/secret-id", "sys/wrapping/wrap", "auth/token/create"]) {
      const token = await wrap(path)
      const keystore = await bao.openAs(key, by(token))
      await expect(roundTrip(keystore)).rejects.toMatchObject({
        code: "CREDENTIAL_REJECTED",
        message: expect.stringContaining("not unwrapped"),
      })
      const still = await bao.server.send({ method: "POST", path: "sys/wrapping/lookup", body: { token } })
      expect(still.status).toBe(200)
    }
  })

  it("reads the wrapping token's file at each login, so that it unwraps a new token when needed", async () => {
    const file = join(credentialDirectory, "acme", "wrapping-token")
    await writeFile(file, "s.never-a-wrapping-token\n")
    const services = testServices({ credentialDirectory })
    const { wrapped_secret_id: _, ...rest } = by("")
    const keystore = await bao.openAs(key, { ...rest, wrapped_secret_id_path: "wrapping-token" }, services)
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await writeFile(file, `${await bao.admin.createWrappedSecretId("openkcm")}\n`)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
  })

  it("reports that the unwrapped secret id is rejected after it was destroyed", async () => {
    const { roleId: otherRole } = await bao.admin.createAppRole({ name: "unrelated", policies: [key] })
    const keystore = await bao.openAs(key, {
      ...by(await bao.admin.createWrappedSecretId("openkcm")),
      role_id: otherRole,
    })
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
      nextStep: expect.stringContaining("-wrap-ttl"),
    })
  })

  it("reports that a wrapping token is used up when its answer was lost, and accepts a new one", async () => {
    const { createHttpClient } = testServices()
    let isLosing = true
    const services = testServices({
      createHttpClient(options) {
        const client = createHttpClient(options)
        const request: typeof client.request = async (given) => {
          const answer = await client.request(given)
          if (isLosing && given.url.endsWith("sys/wrapping/unwrap")) throw lostOnTheWay()
          return answer
        }
        return { ...client, request }
      },
    })
    const keystore = await bao.openAs(key, by(await bao.admin.createWrappedSecretId("openkcm")), services)
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "UNREACHABLE" })
    isLosing = false
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
      retryable: false,
      message: expect.stringContaining("did not arrive here"),
      nextStep: expect.stringContaining("new wrapped secret id"),
    })
    await keystore.close()
    await roundTrip(await bao.openAs(key, by(await bao.admin.createWrappedSecretId("openkcm")), services))
  })

  it("works in a namespace, with the wrapping token and the key there", async () => {
    const admin = await bao.admin.inNamespace("team")
    await admin.enableTransit("openkcm-keys")
    await admin.createTransitKey({ mount: "openkcm-keys", name: "k" })
    await admin.writePolicy("k", narrowPolicy("k"))
    await admin.enableAuth("approle")
    const role = await admin.createAppRole({ name: "openkcm", policies: ["k"] })
    const credentials = [
      { secret_id: role.secretId },
      { wrapped_secret_id: await wrap("auth/approle/role/openkcm/secret-id", "team") },
    ]
    for (const credential of credentials) {
      const fields = { namespace: "team", auth_method: "approle", role_id: role.roleId, ...credential }
      const keystore = await bao.openAs("k", fields)
      await expect(roundTrip(keystore)).resolves.toHaveLength(32)
      const outside = await bao.openAs("k", { ...fields, namespace: undefined })
      await expect(roundTrip(outside)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    }
  })

  it("replaces batch tokens, which cannot be renewed, with a login before they expire", async () => {
    await bao.write("auth/approle/role/batch", { token_type: "batch", token_policies: [key], token_ttl: "4s" })
    const role = await bao.admin.send({ method: "GET", path: "auth/approle/role/batch/role-id" })
    const { data } = z.object({ data: z.object({ role_id: z.string() }) }).parse(role.body)
    const secret_id = await bao.admin.createSecretId("batch")
    const services = testServices()
    const keystore = await bao.openAs(key, { auth_method: "approle", role_id: data.role_id, secret_id }, services)
    await roundTrip(keystore)
    await expect.poll(() => services.auditEvents.length, { timeout: 15_000 }).toBeGreaterThan(2)
    expect(new Set(services.auditEvents.map(({ action, outcome }) => `${action} ${outcome}`))).toEqual(
      new Set(["keystoreLogin success"]),
    )
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    expect((await stepsOf(keystore)).get("token_renewal")).toMatchObject({
      outcome: "passed",
      message: expect.stringMatching(/not renewable and expires in \d s; a login replaces it/),
    })
  })
})

function lostOnTheWay() {
  return pluginError("UNREACHABLE", "The connection was reset.", "Wait.")
}
