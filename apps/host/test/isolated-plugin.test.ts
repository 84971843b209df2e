import { execFileSync } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { type OpenBaoServer, openBaoAvailable, startOpenBao } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { wholeAudit } from "./audit-reading.ts"
import { tenantClient } from "./fixtures.ts"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"
import { text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

const available = await openBaoAvailable()
const mount = "openkcm-keys"
const key = "l1"

describe.skipIf(!available)("a keystore plugin in a separate process", () => {
  let bao: OpenBaoServer
  let host: TestHost
  let secretId: string

  beforeAll(async () => {
    bao = await startOpenBao()
    const { admin } = bao
    await admin.enableTransit(mount)
    await admin.createTransitKey({ mount, name: key })
    await admin.writePolicy(
      key,
      `path "${mount}/encrypt/${key}" { capabilities = ["update"] }
       path "${mount}/decrypt/${key}" { capabilities = ["update"] }
       path "${mount}/keys/${key}" { capabilities = ["read"] }`,
    )
    await admin.enableAuth("approle")
    const role = await admin.createAppRole({ name: key, policies: [key] })
    secretId = role.secretId
    const folder = await testFolder({ openBao: { endpoint: bao.address } })
    const profile = JSON.parse(await readFile(folder.profilePath, "utf8"))
    profile.plugins.find(({ name }: { name: string }) => name === "openbao").isolation = "process"
    await writeFile(folder.profilePath, JSON.stringify(profile))
    host = await startTestHost({}, folder)
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme", lease_ms: 2000 })
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/keystores", {
      plugin_type: "openbao",
      plugin_name: "bao",
      configuration: {
        ...{ vault_address: bao.address, mount_path: mount, key_name: key },
        ...{ auth_method: "approle", role_id: role.roleId, secret_id: secretId },
      },
    })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await bao.stop()
  })

  const children = () =>
    execFileSync("pgrep", ["-f", "-P", String(process.pid), "openbao/src/serve.ts"])
      .toString()
      .trim()
      .split("\n")
      .map(Number)

  it("serves the story's main path, and its logins appear in the tenant's audit log", async () => {
    const activated = await host.administrator.expect(200, "POST", "/v1/tenants/acme/keystores/bao/activate", {})
    expect(activated).toMatchObject({ status: "connection_successful", auth_status: "authenticated" })
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "orders" })
    const workload = await tenantClient(host, "acme", "workload")
    const made = await workload.expect(200, "POST", "/v1/tenants/acme/service-keys/orders/data-keys", {})
    const opened = await workload.expect(200, "POST", "/v1/tenants/acme/service-keys/orders/data-keys/unwrap", {
      envelope: made.envelope,
    })
    expect(opened.plaintext).toBe(made.plaintext)
    const actions = (await wholeAudit(host.administrator, "acme")).map(({ event }) => JSON.stringify(event))
    expect(actions.some((event) => event.includes('"keystoreLogin"'))).toBe(true)
    host.log.assertNoCanary([secretId, text(made.plaintext)])
  })

  it("continues after its process is killed", async () => {
    const [first = 0] = children()
    process.kill(first, "SIGKILL")
    // A request at the moment of the death fails, with the plugin as its origin.
    await waitFor("the keystore works again", async () => {
      const tested = await host.administrator.expect(200, "POST", "/v1/tenants/acme/keystores/bao/test", {})
      return tested.status === "connection_successful" ? true : undefined
    })
    expect(children()).not.toContain(first)
  })
})
