import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { openBaoAvailable, softHsmAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Cli, cliOf } from "./cli/run-cli.ts"
import {
  type KeystoreDocument,
  type RunningBackend,
  startAws,
  startBao,
  startFortanix,
  startThales,
} from "./four-backends.ts"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"
import { objects, text } from "./values.ts"

const available = (await openBaoAvailable()) && (await softHsmAvailable())

describe.skipIf(!available)("stories 1 to 4 in one host, with one profile", () => {
  let backends: Record<"aws" | "fortanix" | "thales" | "bao", RunningBackend>
  let host: TestHost
  let cli: Cli

  beforeAll(async () => {
    const [aws, fortanix, thales, bao] = await Promise.all([startAws(), startFortanix(), startThales(), startBao()])
    backends = { aws, fortanix, thales, bao }
    const folder = await testFolder({ mode: "production" })
    const profile = JSON.parse(await readFile(folder.profilePath, "utf8"))
    profile.plugins = Object.values(backends).map(({ plugin }) => plugin)
    await writeFile(folder.profilePath, JSON.stringify(profile))
    host = await startTestHost({}, folder)
    cli = cliOf(host)
  })
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]()
    await Promise.all(Object.values(backends ?? {}).map((backend) => backend.stop()))
  })

  const addTenant = (tenant: string) =>
    host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: tenant, lease_ms: 2000 })

  async function add(tenant: string, backend: RunningBackend): Promise<KeystoreDocument> {
    const document = await backend.newKeystore()
    const file = join(host.folder.path, `${tenant}-${document.plugin_name}.json`)
    await writeFile(file, JSON.stringify(document))
    await succeed("keystore", "add", tenant, file)
    return document
  }

  async function succeed(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await cli.run(...args)
    expect({ args, exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ args, exitCode: 0, stderr: "" })
    return stdout
  }

  it("serves four keystores of one tenant: each tests, one is active, and the list is the story's dashboard", async () => {
    await addTenant("acme")
    for (const backend of Object.values(backends)) {
      const { plugin_name: name } = await add("acme", backend)
      expect(await succeed("keystore", "test", "acme", name)).toContain("connection_successful")
    }
    await succeed("keystore", "activate", "acme", "fortanix_production")
    const rows = (await succeed("keystore", "list", "acme")).trim().split("\n")
    process.stdout.write(`${rows.join("\n")}\n`)
    expect(rows[0]).toMatch(/^KEYSTORE +TYPE +STATUS +HEALTH +AVG LATENCY +LAST OUTCOME +AT +THIS HOUR/)
    const row = (name: string) => rows.find((each) => each.startsWith(name)) ?? ""
    for (const [name, type] of [
      ["primary_aws_kms", "aws_kms"],
      ["datacenter_primary", "thales_luna"],
      ["openbao_cluster", "openbao"],
    ] as const) {
      expect(row(name)).toMatch(new RegExp(`^${name} +${type} +inactive +(healthy|warning) +\\d+\\.\\d ms +success`))
    }
    expect(row("fortanix_production")).toMatch(
      /^fortanix_production +fortanix_dsm +active +healthy +\d+\.\d ms +success +\S+ +\d+ of 10000/,
    )
  })

  it("serves four tenants, each from its own keystore and never from another's", async () => {
    const tenants = Object.entries(backends).map(([name, backend]) => ({ tenant: `tenant-${name}`, backend }))
    const envelopes = new Map<string, string>()
    for (const { tenant, backend } of tenants) {
      await addTenant(tenant)
      const { plugin_name: name } = await add(tenant, backend)
      await succeed("keystore", "activate", tenant, name)
      await host.administrator.expect(201, "POST", `/v1/tenants/${tenant}/service-keys`, { name: "payments" })
    }
    const dataKeys = (tenant: string) => `/v1/tenants/${tenant}/service-keys/payments/data-keys`
    await Promise.all(
      tenants.map(async ({ tenant }) => {
        const made = await host.administrator.expect(200, "POST", dataKeys(tenant), {})
        envelopes.set(tenant, text(made.envelope))
        const opened = await host.administrator.expect(
          200,
          "POST",
          `${dataKeys(tenant)}/unwrap`,
          made.envelope === undefined ? {} : { envelope: made.envelope },
        )
        expect(opened.plaintext).toBe(made.plaintext)
        expect((await host.administrator.expect(200, "GET", `/v1/tenants/${tenant}/verify`)).verified).toBe(true)
      }),
    )
    const foreign = { envelope: envelopes.get("tenant-aws") }
    const refused = await host.administrator.send("POST", `${dataKeys("tenant-bao")}/unwrap`, { body: foreign })
    expect(refused.status).toBeGreaterThanOrEqual(400)
  })

  it("continues for three of them while the fourth is down, and says which", async () => {
    await backends.fortanix.stop()
    const ask = (tenant: string) =>
      host.administrator.send("POST", `/v1/tenants/${tenant}/service-keys/payments/data-keys`, { body: {} })
    await expect.poll(async () => (await ask("tenant-fortanix")).body.code, { timeout: 15_000 }).toBe("UNREACHABLE")
    for (const tenant of ["tenant-aws", "tenant-thales", "tenant-bao"]) expect((await ask(tenant)).status).toBe(200)
    const rows = await succeed("keystore", "list", "tenant-fortanix")
    expect(rows).toMatch(/fortanix_production +fortanix_dsm +active +failing .*UNREACHABLE/)
    expect(objects((await host.administrator.expect(200, "GET", "/v1/tenants/acme/keystores")).keystores)).toHaveLength(
      4,
    )
  })
})
