import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type OpenBaoServer, openBaoAvailable, startOpenBao } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"
import { objects } from "./values.ts"

const mount = "openkcm-keys"
const key = "customer-master-key"

/** The story's policy: it allows the use of the key, but not reading its properties. */
const usePolicy = `
path "${mount}/encrypt/${key}" { capabilities = ["update"] }
path "${mount}/decrypt/${key}" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
`
const readPolicy = `${usePolicy}\npath "${mount}/keys/${key}" { capabilities = ["read"] }`

const available = await openBaoAvailable()

describe.skipIf(!available)("mode: production, with a real OpenBao", () => {
  let bao: OpenBaoServer
  let host: TestHost
  beforeAll(async () => {
    bao = await startOpenBao()
    await bao.admin.enableTransit(mount)
    await bao.admin.createTransitKey({ mount, name: key })
    await bao.admin.writePolicy("openkcm-policy", usePolicy)
    await bao.admin.enableAuth("approle")
    const role = await bao.admin.createAppRole({ name: "openkcm-service", policies: ["openkcm-policy"] })
    const folder = await testFolder({ mode: "production", openBao: { endpoint: bao.address } })
    await mkdir(join(folder.dataDirectory, "credentials/acme"), { recursive: true, mode: 0o700 })
    await writeFile(join(folder.dataDirectory, "credentials/acme/secret-id"), role.secretId, { mode: 0o600 })
    host = await startTestHost({}, folder)
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/keystores", {
      plugin_type: "openbao",
      plugin_name: "bao",
      configuration: {
        vault_address: bao.address,
        auth_method: "approle",
        role_id: role.roleId,
        secret_id_path: "/secret-id",
        mount_path: mount,
        key_name: key,
      },
    })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await bao.stop()
  })

  it("does not activate a key that might be exportable, says what to grant, and activates once that is granted", async () => {
    const tested = await host.administrator.expect(200, "POST", "/v1/tenants/acme/keystores/bao/test")
    expect(tested.status).toBe("connection_successful")
    expect(objects(tested.steps).map(({ outcome }) => outcome)).toContain("warned")
    const activate = () => host.administrator.send("POST", "/v1/tenants/acme/keystores/bao/activate")
    expect(await activate()).toMatchObject({
      status: 502,
      body: { code: "KEY_UNSUITABLE", retryable: false, next_step: expect.stringContaining("Grant read on the key") },
    })
    const keystore = await host.administrator.expect(200, "GET", "/v1/tenants/acme/keystores/bao")
    expect(keystore.plugin_status).toBe("inactive")

    await bao.admin.writePolicy("openkcm-policy", readPolicy)
    expect(await activate()).toMatchObject({ status: 200, body: { plugin_status: "active" } })
  })
})
