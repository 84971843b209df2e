import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type DsmApp, type DsmKey, type FortanixEmulator, startFortanixEmulator } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Cli, cliOf } from "./cli/run-cli.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { objects } from "./values.ts"

describe("story 2, on our Fortanix emulator", () => {
  let dsm: FortanixEmulator
  let app: DsmApp
  let key: DsmKey
  let groupId: string
  let host: TestHost
  let cli: Cli
  /** The story's own document (story 2, step 2); the address, the app and its key are the emulator's. */
  let story: { plugin_type: string; plugin_name: string; configuration: Record<string, string> }

  beforeAll(async () => {
    dsm = await startFortanixEmulator({ fipsLevel: 3 })
    groupId = dsm.createGroup("openkcm-key-group").id
    key = dsm.createKey(groupId, { name: "customer-master-key-acme-corp", keyOps: ["ENCRYPT", "DECRYPT"] })
    // The permissions of the story's own sample (story 2, step 3).
    const groups = { [groupId]: ["ENCRYPT", "DECRYPT", "DERIVEKEY", "EXPORT"] } as const
    app = dsm.createApp({ name: "openkcm-crypto-service", groups })
    story = {
      plugin_type: "fortanix_dsm",
      plugin_name: "fortanix_production_hsm",
      configuration: {
        dsm_endpoint: dsm.address,
        app_uuid: app.id,
        api_key: dsm.apiKey(app),
        group_id: "openkcm-key-group",
        key_name: "customer-master-key-acme-corp",
      },
    }
    const plugin = {
      ...{ name: "fortanix", type: "keystore", package: "@apeiro-cmk/fortanix" },
      configuration: { allowedEndpoints: [dsm.address], allowedAddresses: ["127.0.0.0/8"] },
    }
    host = await startTestHost({}, { plugins: [plugin] })
    cli = cliOf(host)
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme", lease_ms: 2000 })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await dsm.stop()
  })

  const path = "/v1/tenants/acme/keystores/fortanix_production_hsm"

  it("is added by its file, and refuses the sample's EXPORT with a reason", async () => {
    const file = join(host.folder.path, "fortanix.json")
    await writeFile(file, JSON.stringify(story))
    expect(await run("add", () => cli.run("keystore", "add", "acme", file))).toBe(0)
    const tested = await host.administrator.expect(200, "POST", `${path}/test`)
    expect(objects(tested.steps).find(({ outcome }) => outcome === "failed")).toMatchObject({
      ...{ name: "permissions", code: "KEY_UNSUITABLE" },
      next_step: expect.stringContaining("REQ-009"),
    })
    app.groups.set(groupId, ["ENCRYPT", "DECRYPT"])
  })

  it("tests and activates by the command line, derives keys, and answers as in the story", async () => {
    expect(await run("test", () => cli.run("keystore", "test", "acme", story.plugin_name))).toBe(0)
    expect(await run("activate", () => cli.run("keystore", "activate", "acme", story.plugin_name))).toBe(0)
    expect(await host.administrator.expect(200, "POST", `${path}/activate`, {})).toMatchObject({
      ...{ plugin_status: "active", l1_key_location: "fortanix_dsm" },
      ...{ hsm_connectivity: "connected", key_operations: "verified", fips_compliance: "level_3_stated_by_server" },
      ...{ app_permissions: "verified", hsm_audit_log: "verified" },
    })
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "payments" })
    expect((await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")).verified).toBe(true)
  })

  it("shows and logs neither API key nor session", async () => {
    const shown = await cli.run("keystore", "show", "acme", story.plugin_name)
    expect(shown.stdout).toContain('"set": true')
    const secrets = [story.configuration.api_key ?? "", ...dsm.sessions.tokens]
    expect(secrets.length).toBeGreaterThan(1)
    expect(secrets.filter((secret) => shown.stdout.includes(secret))).toEqual([])
    host.log.assertNoCanary(secrets)
  })

  it("ends within the lease when the key is disabled in DSM, and resumes when it is enabled", async () => {
    const dataKey = () =>
      host.administrator.send("POST", "/v1/tenants/acme/service-keys/payments/data-keys", { body: {} })
    expect((await dataKey()).status).toBe(200)
    key.enabled = false
    await expect.poll(async () => (await dataKey()).body.code, { timeout: 10_000 }).toBe("KEY_DISABLED")
    key.enabled = true
    await expect.poll(async () => (await dataKey()).status, { timeout: 10_000 }).toBe(200)
  })

  /** Runs the command line and prints its duration. @returns the exit code, after the output when it is not 0 */
  async function run(what: string, command: () => ReturnType<Cli["run"]>): Promise<number | string> {
    const startedMs = performance.now()
    const { exitCode, stdout, stderr } = await command()
    process.stdout.write(`story 2, keystore ${what}: ${Math.round(performance.now() - startedMs)} ms\n`)
    return exitCode === 0 ? 0 : `${exitCode}: ${stdout}${stderr}`
  }
})
