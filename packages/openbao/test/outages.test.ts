import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { createTestAuthority, openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { context, OpenBao, roundTrip, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: outages", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start({ tls: true })
  })
  afterAll(async () => bao?.stop())

  it("works over TLS with the server's own authority", async () => {
    const { keystore } = await bao.open()
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
  })

  it("throws UNREACHABLE for a server whose certificate another authority signed", async () => {
    const { certificate } = await createTestAuthority("another authority")
    for (const ca_certificate of [certificate, undefined]) {
      const { keystore } = await bao.open({ configuration: { ca_certificate } })
      await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "UNREACHABLE", cause: expect.anything() })
    }
  })

  it("throws UNREACHABLE while the server is stopped, and works again once it has restarted", async () => {
    const opened = await bao.open()
    await roundTrip(opened.keystore)
    await bao.server.halt()
    await expect(opened.keystore.probe(testCall())).rejects.toMatchObject({
      code: "UNREACHABLE",
      origin: "network",
      retryable: true,
    })
    const steps = await stepsOf(opened.keystore)
    expect(steps.get("authentication")).toMatchObject({ outcome: "failed", code: "UNREACHABLE" })
    await bao.server.start()
    await expect(roundTrip(opened.keystore)).resolves.toHaveLength(32)
  })

  it("throws SEALED while the server is sealed, before and after a login, and works again once it is unsealed", async () => {
    const opened = await bao.open()
    const fresh = await bao.open()
    await roundTrip(opened.keystore)
    await bao.server.seal()
    for (const { keystore } of [opened, fresh]) {
      await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "SEALED", origin: "backend" })
      const described = keystore.describeKey(keystore.defaultKey, testCall())
      await expect(described).rejects.toMatchObject({ code: "SEALED" })
    }
    await bao.server.unseal()
    await expect(roundTrip(opened.keystore)).resolves.toHaveLength(32)
    await expect(roundTrip(fresh.keystore)).resolves.toHaveLength(32)
  })

  it("does not hide an outage behind a remembered rejection, and makes no login for it", async () => {
    const { keystore } = await bao.open({ configuration: { secret_id: "wrong-secret-id" } })
    const rejected = { code: "CREDENTIAL_REJECTED", message: expect.stringMatching(/its answer at 2\d{3}-.*Z/) }
    await expect(roundTrip(keystore)).rejects.toMatchObject(rejected)
    const logins = async () =>
      (await bao.server.auditEntries()).filter(({ request }) => request.path === "auth/approle/login").length
    const before = await logins()
    await bao.server.seal()
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "SEALED" })
    await bao.server.unseal()
    await bao.server.halt()
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "UNREACHABLE", retryable: true })
    await bao.server.start()
    await expect(roundTrip(keystore)).rejects.toMatchObject(rejected)
    expect(await logins()).toBe(before)
  })

  it("throws TIMED_OUT at the call's deadline while the server hangs, and works again afterwards", async () => {
    const opened = await bao.open()
    await roundTrip(opened.keystore)
    bao.server.freeze()
    try {
      const startedMs = performance.now()
      await expect(opened.keystore.probe(testCall({ timeoutMs: 300 }))).rejects.toMatchObject({
        code: "TIMED_OUT",
        retryable: true,
      })
      expect(performance.now() - startedMs).toBeLessThan(3_000)
    } finally {
      bao.server.thaw()
    }
    await expect(roundTrip(opened.keystore)).resolves.toHaveLength(32)
  })

  it("throws TIMED_OUT after the operator's request time-out when the call would wait longer", async () => {
    const { keystore } = await bao.open({ pluginConfiguration: { requestTimeoutMs: 200 } })
    bao.server.freeze()
    try {
      await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "TIMED_OUT" })
    } finally {
      bao.server.thaw()
    }
  })

  it("throws SEALED while an administrator has locked the namespace", async () => {
    const admin = await bao.admin.inNamespace("locked")
    await admin.enableTransit("transit")
    await admin.createTransitKey({ mount: "transit", name: "k" })
    await admin.writePolicy("open", 'path "transit/*" { capabilities = ["read", "update"] }')
    const { token } = await admin.createToken({ policies: ["open"] })
    const { keystore } = await bao.openWithToken(token, {
      key: "k",
      configuration: { namespace: "locked", mount_path: "transit" },
    })
    await roundTrip(keystore)
    await bao.admin.send({ method: "PUT", path: "sys/namespaces/api-lock/lock/locked", body: {} })
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "SEALED",
      message: expect.stringContaining("locked"),
    })
  })

  it("returns one identity for one key, however its namespace is written, with the server's own cluster id", async () => {
    const admin = await bao.admin.inNamespace("tenants")
    await admin.enableTransit("transit")
    await admin.createTransitKey({ mount: "transit", name: "k" })
    const { clusterId } = await bao.admin.health()
    const places = [{ namespace: "tenants", mount_path: "transit" }, { mount_path: "tenants/transit" }]
    for (const place of places) {
      const { keystore } = await bao.openWithToken(bao.server.rootToken, { key: "k", configuration: place })
      await expect(keystore.describeKey(keystore.defaultKey, testCall())).resolves.toMatchObject({
        identity: `${clusterId}/tenants/transit/k`,
        state: "ENABLED",
        algorithm: "aes256-gcm96",
        exportable: false,
        latestVersion: "1",
      })
    }
    const root = await bao.open({ configuration: { namespace: "root" } })
    const { identity } = await root.keystore.describeKey(root.keystore.defaultKey, testCall())
    expect(identity).toBe(`${clusterId}/openkcm-keys/${root.key}`)
  })

  it("lists the versions of a key, oldest first, and decrypts with each", async () => {
    const { keystore, key } = await bao.open()
    const old = await keystore.encrypt(
      { key: keystore.defaultKey, plaintext: Buffer.alloc(32, 1), context },
      testCall(),
    )
    await bao.admin.rotateTransitKey("openkcm-keys", key)
    const versions = await keystore.listKeyVersions(keystore.defaultKey, testCall())
    expect(versions.map(({ versionId, status }) => [versionId, status])).toEqual([
      ["1", "ENABLED"],
      ["2", "ENABLED"],
    ])
    expect(Math.abs((versions[0]?.createdAtMs ?? 0) - Date.now())).toBeLessThan(600_000)
    const again = await keystore.encrypt(
      { key: keystore.defaultKey, plaintext: Buffer.alloc(32, 2), context },
      testCall(),
    )
    expect([old.keyVersion, again.keyVersion]).toEqual(["1", "2"])
    await expect(keystore.decrypt({ key: keystore.defaultKey, ...old, context }, testCall())).resolves.toMatchObject({
      plaintext: Buffer.alloc(32, 1),
    })
  })
})
