import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { findCanary } from "@apeiro-cmk/plugin-sdk/testing"
import { type OpenBaoServer, openBaoAvailable, startOpenBao } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tenantClient } from "./fixtures.ts"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"
import { object, objects, text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

const mount = "openkcm-keys"
const key = "customer-master-key"

/** The story's own policy, letter for letter (story 4, step 3). */
const storyPolicy = `
path "openkcm-keys/data/customer-master-key" {
  capabilities = ["read"]
}

path "openkcm-keys/encrypt/customer-master-key" {
  capabilities = ["update"]
}

path "openkcm-keys/decrypt/customer-master-key" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}
`

const available = await openBaoAvailable()

describe.skipIf(!available)("story 4, with a real OpenBao", () => {
  let bao: OpenBaoServer
  let host: TestHost
  let roleId: string
  beforeAll(async () => {
    bao = await startOpenBao()
    const { admin } = bao
    await admin.enableTransit(mount)
    for (const name of [key, "another-key"]) await admin.createTransitKey({ mount, name })
    await admin.writePolicy("openkcm-policy", storyPolicy)
    await admin.enableAuth("approle")
    const role = await admin.createAppRole({ name: "openkcm-service", policies: ["openkcm-policy"] })
    roleId = role.roleId
    const folder = await testFolder({ openBao: { endpoint: bao.address } })
    await mkdir(join(folder.dataDirectory, "credentials/acme/etc/openkcm"), { recursive: true, mode: 0o700 })
    await writeFile(join(folder.dataDirectory, "credentials/acme/etc/openkcm/openbao-secret-id"), role.secretId, {
      mode: 0o600,
    })
    host = await startTestHost({}, folder)
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await bao.stop()
  })

  const document = () => ({
    plugin_type: "openbao",
    plugin_name: "openbao_cluster_production",
    configuration: {
      vault_address: bao.address,
      auth_method: "approle",
      role_id: roleId,
      secret_id_path: "/etc/openkcm/openbao-secret-id",
      mount_path: mount,
      key_name: key,
    },
  })

  it("tests, activates and serves as the story says; OpenBao saw only encrypt and decrypt of this key", async () => {
    const { administrator } = host
    await administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme", lease_ms: 2000 })
    const owner = await tenantClient(host, "acme", "administrator")
    const workload = await tenantClient(host, "acme", "workload")
    await owner.expect(201, "POST", "/v1/tenants/acme/keystores", document())
    const keystore = "/v1/tenants/acme/keystores/openbao_cluster_production"

    const tested = await owner.expect(200, "POST", `${keystore}/test`)
    expect(tested.status).toBe("connection_successful")
    const steps = objects(tested.steps)
    for (const name of ["authentication", "key_access", "policy_enforcement", "token_renewal", "l2_derivation"]) {
      expect(steps.map((step) => step.name)).toContain(name)
    }
    // The story's policy does not allow reading the key: what stays unknown is a warning, not a failure.
    expect(steps.map((step) => step.outcome)).toContain("warned")

    const activated = await owner.expect(200, "POST", `${keystore}/activate`)
    expect(activated).toMatchObject({
      status: "connection_successful",
      plugin_status: "active",
      l1_key_location: "openbao",
      key_operations_ready: true,
      vault_version: "compatible",
      auth_status: "authenticated",
      transit_engine: "enabled",
    })

    await owner.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "payments" })
    const path = "/v1/tenants/acme/service-keys/payments/data-keys"
    const generated = await workload.expect(200, "POST", path, {})
    const opened = await workload.expect(200, "POST", `${path}/unwrap`, { envelope: generated.envelope })
    expect(opened.plaintext).toBe(generated.plaintext)
    const verified = await owner.expect(200, "GET", "/v1/tenants/acme/verify")
    expect(verified.verified).toBe(true)

    const used = (await bao.auditEntries())
      .filter((entry) => entry.type === "request" && entry.auth?.policies?.includes("openkcm-policy"))
      .map((entry) => entry.request.path)
    const onKeys = new Set(used.filter((each) => each.startsWith(`${mount}/`) && /encrypt|decrypt/.test(each)))
    expect([...onKeys].toSorted()).toEqual([`${mount}/decrypt/${key}`, `${mount}/encrypt/${key}`])
    expect(used.filter((each) => each.includes("another-key"))).toEqual([])
  })

  it("records logins in the tenant's audit log", async () => {
    const actions = await waitFor("the login in the log", async () => {
      const answer = await host.administrator.expect(200, "GET", "/v1/tenants/acme/audit/entries?limit=1000")
      const found = objects(answer.entries).map((entry) => text(object(entry.event).action))
      return answer.waiting === 0 ? found : undefined
    })
    for (const action of ["keystoreLogin", "keystoreTest", "tenantKeyWrap", "keystoreActivate"]) {
      expect(actions).toContain(action)
    }
  })

  it("blames keystore or network while OpenBao is stopped, and works again without a restart", async () => {
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "outage" })
    await bao.halt()
    const verified = await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")
    const [wrap] = objects(objects(verified.tenant_keys)[0]?.wraps)
    expect(wrap).toMatchObject({ opens: false, code: "UNREACHABLE" })
    const codes = new Set(objects(verified.service_keys).map(({ opens, code }) => `${String(opens)} ${String(code)}`))
    expect([...codes]).toEqual(["false UNREACHABLE"])
    const health = await host.administrator.expect(
      200,
      "GET",
      "/v1/tenants/acme/keystores/openbao_cluster_production/health",
    )
    expect(object(health.last_operation)).toMatchObject({ outcome: "failure", code: "UNREACHABLE", origin: "network" })
    await bao.start()
    const again = await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")
    expect(again.verified).toBe(true)
  })

  it("refuses data keys once the lease is over, says why, and serves again without a restart", async () => {
    const path = "/v1/tenants/acme/service-keys/payments/data-keys"
    const refusal = () =>
      waitFor("a refusal", async () => {
        const answer = await host.administrator.send("POST", path, { body: {} })
        // A request that was in work when the lease ended says that alone; the next one says why.
        return answer.status === 200 || answer.body.code === "LEASE_ENDED" ? undefined : answer
      })
    const service = () =>
      waitFor("service", async () => {
        const answer = await host.administrator.send("POST", path, { body: {} })
        return answer.status === 200 ? answer : undefined
      })
    await bao.halt()
    expect(await refusal()).toMatchObject({
      status: 503,
      body: { code: "UNREACHABLE", origin: "network", retryable: true },
    })
    await bao.start()
    await service()
    await bao.seal()
    expect(await refusal()).toMatchObject({ status: 503, body: { code: "SEALED", origin: "backend" } })
    await bao.unseal()
    await service()
    await bao.admin.writePolicy("openkcm-policy", 'path "auth/token/lookup-self" { capabilities = ["read"] }')
    const denied = await refusal()
    expect(denied).toMatchObject({ status: 502, body: { code: "DENIED", origin: "backend", retryable: false } })
    expect(denied.body.next_step).toEqual(expect.any(String))
    await bao.admin.writePolicy("openkcm-policy", storyPolicy)
    await service()
  }, 120_000)

  it("logs in again when its token was revoked", async () => {
    await bao.admin.revokeTokensOf("auth/approle/login")
    const verified = await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")
    expect(verified.verified).toBe(true)
  })

  it("says SEALED while OpenBao is sealed", async () => {
    await bao.seal()
    const verified = await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")
    expect(objects(objects(verified.tenant_keys)[0]?.wraps)[0]).toMatchObject({ opens: false, code: "SEALED" })
    await bao.unseal()
    expect((await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")).verified).toBe(true)
  })

  it("reads no other tenant's file, and no file of the host", async () => {
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "thief" })
    for (const secretIdPath of [
      "/etc/openkcm/openbao-secret-id",
      "../acme/etc/openkcm/openbao-secret-id",
      "/etc/passwd",
    ]) {
      const body = { ...document(), configuration: { ...document().configuration, secret_id_path: secretIdPath } }
      const answer = await host.administrator.send("POST", "/v1/tenants/thief/keystores/test", { body })
      expect(answer.body.status ?? answer.body.code).toMatch(/connection_failed|CONFIGURATION_INVALID/)
      expect(answer.text).not.toContain("root:")
    }
  })

  it("refuses the same key under another name for another tenant", async () => {
    const folder = join(host.folder.dataDirectory, "credentials/copycat/etc/openkcm")
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const secretId = await bao.admin.createSecretId("openkcm-service")
    await writeFile(join(folder, "openbao-secret-id"), secretId, { mode: 0o600 })
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "copycat" })
    await host.administrator.expect(201, "POST", "/v1/tenants/copycat/keystores", {
      ...document(),
      plugin_name: "copy",
    })
    const answer = await host.administrator.send("POST", "/v1/tenants/copycat/keystores/copy/activate")
    expect(answer).toMatchObject({ status: 409, body: { code: "L1_ALREADY_CLAIMED" } })
    expect(answer.text).not.toContain("acme")
  })

  it("leaves no L2, data key or secret id in plain: not in the database, not in the log, not in the audit log", async () => {
    const path = "/v1/tenants/acme/service-keys/payments/data-keys"
    const generated = await host.administrator.expect(200, "POST", path, {})
    const audit = await host.administrator.send("GET", "/v1/tenants/acme/audit/entries?limit=1000")
    const exported = await host.administrator.send("GET", "/v1/tenants/acme/key-export")
    const secretId = join(host.folder.dataDirectory, "credentials/acme/etc/openkcm/openbao-secret-id")
    const canaries = [
      await tenantKeyByOpenBao(exported.body),
      Buffer.from(text(generated.plaintext), "base64"),
      await readFile(secretId),
    ]
    await host.stop()
    host.log.assertNoCanary(canaries)
    for (const answer of [audit, exported]) expect(findCanary(answer.text, canaries)).toBeUndefined()
    for (const name of (await readdir(host.folder.dataDirectory)).filter((each) => each.startsWith("host.sqlite"))) {
      expect(findCanary(await readFile(join(host.folder.dataDirectory, name)), canaries)).toBeUndefined()
    }
  })

  /** Opens the wrap of the tenant key (L2) with OpenBao's own API, as root: the second route. */
  async function tenantKeyByOpenBao(keyExport: Record<string, unknown>): Promise<Uint8Array> {
    const [tenantKey] = objects(keyExport.tenant_keys)
    const [wrap] = objects(tenantKey?.wraps)
    const context = { tenantId: "acme", keyId: text(tenantKey?.key_id), keyVersion: Number(tenantKey?.version) }
    const ciphertext = Buffer.from(text(wrap?.ciphertext), "base64").toString("utf8")
    const opened = await bao.admin.decrypt(mount, key, ciphertext, encodeEncryptionContext(context))
    expect(opened).toHaveLength(32)
    return opened
  }
})
