import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Pkcs11Tokens, softHsmAvailable, startSoftHsm, TokenAdmin } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Cli, cliOf } from "./cli/run-cli.ts"
import { startTestHost, type TestHost } from "./test-host.ts"

const pin = "canary-pin-1234"
const partition = "openkcm_partition"

/** The story's own document (story 3, step 2), and what the token needs in addition: its PIN, and the library of SoftHSM. */
const story = {
  plugin_type: "thales_luna",
  plugin_name: "datacenter_primary_hsm",
  configuration: {
    hsm_ip_addresses: ["192.168.1.100", "192.168.1.101"],
    partition_label: partition,
    slot_id: 1,
    client_certificate: "thales_client_cert.pem",
    client_private_key: "thales_client_key.pem",
    ca_certificate: "thales_ca_cert.pem",
    pin,
    module: "softhsm",
  },
}

describe.skipIf(!(await softHsmAvailable()))("story 3, with SoftHSM in place of a Luna", () => {
  let softHsm: Pkcs11Tokens
  let admin: TokenAdmin
  let host: TestHost
  let cli: Cli

  beforeAll(async () => {
    softHsm = await startSoftHsm()
    await softHsm.createToken(partition, pin)
    admin = new TokenAdmin(softHsm.module, softHsm.environment, pin)
    admin.createKey(partition, "openkcm-l1")
    const plugin = {
      ...{ name: "thales", type: "keystore", package: "@apeiro-cmk/thales" },
      configuration: { modules: { softhsm: { library: softHsm.module, environment: softHsm.environment } } },
    }
    host = await startTestHost({}, { plugins: [plugin] })
    cli = cliOf(host)
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme", lease_ms: 2000 })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    admin.close()
    await softHsm.stop()
  })

  it("adds, tests and activates by the command line, and derives keys", async () => {
    const file = join(host.folder.path, "thales.json")
    await writeFile(file, JSON.stringify(story))
    for (const args of [
      ["keystore", "add", "acme", file],
      ["keystore", "test", "acme", story.plugin_name],
      ["keystore", "activate", "acme", story.plugin_name],
    ]) {
      const { exitCode, stderr } = await cli.run(...args)
      expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" })
    }
    const path = `/v1/tenants/acme/keystores/${story.plugin_name}/activate`
    expect(await host.administrator.expect(200, "POST", path, {})).toMatchObject({
      plugin_status: "active",
      l1_key_location: "thales_luna",
      partition_status: "authenticated",
      hsm_appliances: ["192.168.1.100:online"],
      fips_level: "not_reported",
      latency_ms: expect.any(Number),
    })
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "payments" })
    const verified = await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")
    expect(verified.verified).toBe(true)
    host.log.assertNoCanary([pin])
  })

  it("refuses when the key is gone from the HSM, and says so", async () => {
    admin.deleteKey(partition, "openkcm-l1")
    const tested = await host.administrator.expect(200, "POST", `/v1/tenants/acme/keystores/${story.plugin_name}/test`)
    expect(tested).toMatchObject({ status: "connection_failed" })
  })
})
