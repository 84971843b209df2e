import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import {
  type OpenBaoServer,
  openBaoAvailable,
  postgresAvailable,
  startOpenBao,
  startPostgres,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import * as z from "zod"
import { wholeAudit } from "./audit-reading.ts"
import { type Cli, cliOf } from "./cli/run-cli.ts"
import { tenantClient } from "./fixtures.ts"
import { hostClient } from "./host-client.ts"
import { startHostProcess } from "./host-process.ts"
import { administratorToken, startTestHost, type TestFolder, type TestHost, testFolder } from "./test-host.ts"
import { object } from "./values.ts"
import { waitFor } from "./wait-for.ts"

const available = await openBaoAvailable()
const databases = ["SQLite", ...((await postgresAvailable()) ? ["PostgreSQL"] : [])]
const state = z.object({ state: z.string() })

describe.skipIf(!available).each(databases)("keystores on the platform's OpenBao, with %s", (database) => {
  let bao: OpenBaoServer
  let postgres: Awaited<ReturnType<typeof startPostgres>> | undefined
  let host: TestHost
  let cli: Cli

  const folderWithPlatform = async (): Promise<TestFolder> => {
    const databaseUrl = await postgres?.createDatabase()
    const folder = await testFolder({
      openBao: { endpoint: bao.address },
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
    })
    const profile = JSON.parse(await readFile(folder.profilePath, "utf8"))
    const openbao = profile.plugins.find(({ name }: { name: string }) => name === "openbao")
    openbao.configuration.platform = { vault_address: bao.address, auth_method: "token" }
    openbao.configuration.platformCredential = { source: "file", file: { path: "platform-token" } }
    await writeFile(join(folder.path, "platform-token"), bao.rootToken, { mode: 0o600 })
    await writeFile(folder.profilePath, JSON.stringify(profile))
    return folder
  }

  beforeAll(async () => {
    bao = await startOpenBao()
    postgres = database === "PostgreSQL" ? await startPostgres() : undefined
    host = await startTestHost({}, await folderWithPlatform())
    cli = cliOf(host)
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await postgres?.stop()
    await bao.stop()
  })

  const settled = (path: string) =>
    waitFor(`${path} has settled`, async () => {
      const answer = await host.administrator.send("GET", path)
      if (answer.status === 404) return "gone"
      const seen = state.parse(answer.body).state
      return seen === "ready" || seen === "failed" ? seen : undefined
    })

  it("goes by the command line from nothing to a data key", async () => {
    const made = await cli.run("platform", "keystore", "create", "acme", "bao")
    expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Keystore bao is ready.") })
    expect(await cli.run("keystore", "test", "acme", "bao")).toMatchObject({ exitCode: 0 })
    expect(await cli.run("keystore", "activate", "acme", "bao")).toMatchObject({ exitCode: 0 })
    expect(await cli.run("service-key", "create", "acme", "payments")).toMatchObject({ exitCode: 0 })
    const administrator = await tenantClient(host, "acme", "workload")
    await administrator.expect(200, "POST", "/v1/tenants/acme/service-keys/payments/data-keys", {})
    const listed = await cli.run("platform", "keystore", "list")
    expect(listed.stdout).toMatch(/acme +bao +openbao +ready/)
  })

  it("keeps a keystore that wraps a tenant key", async () => {
    expect(await cli.run("platform", "keystore", "remove", "acme", "bao")).toMatchObject({
      exitCode: 6,
      stderr: expect.stringContaining("wraps a key"),
    })
    expect(await settled("/v1/platform/keystores/acme/bao")).toBe("ready")
  })

  it("removes one that wraps nothing, with its namespace", async () => {
    expect(await cli.run("platform", "keystore", "create", "acme", "spare")).toMatchObject({ exitCode: 0 })
    const namespace = { method: "GET", path: "sys/namespaces/openkcm-acme_spare" } as const
    expect((await bao.admin.send(namespace)).status).toBe(200)
    expect(await cli.run("platform", "keystore", "remove", "acme", "spare")).toMatchObject({ exitCode: 0 })
    expect((await bao.admin.send(namespace)).status).toBe(404)
    expect(await host.administrator.send("GET", "/v1/tenants/acme/keystores/spare")).toMatchObject({ status: 404 })
    expect(await cli.run("platform", "keystore", "show", "acme", "spare")).toMatchObject({ exitCode: 5 })
  })

  describe("keeps the key of a tenant that uses it", () => {
    const namespace = { method: "GET", path: "sys/namespaces/openkcm-acme_bao" } as const
    const change = async (edit: (configuration: Record<string, unknown>) => Record<string, unknown>) => {
      const administrator = await tenantClient(host, "acme", "administrator")
      const path = "/v1/tenants/acme/keystores/bao"
      const { body, headers } = await administrator.send("GET", path)
      const { configuration } = z.object({ configuration: z.record(z.string(), z.unknown()) }).parse(body)
      return administrator.send("PUT", path, {
        body: { configuration: edit(configuration) },
        headers: { "if-match": headers.get("etag") ?? "" },
      })
    }
    const isRefused = async (removal: ReturnType<typeof host.administrator.send>, code: string) => {
      expect(await removal).toMatchObject({ body: { code } })
      expect((await bao.admin.send(namespace)).status).toBe(200)
      const workload = await tenantClient(host, "acme", "workload")
      await workload.expect(200, "POST", "/v1/tenants/acme/service-keys/payments/data-keys", {})
    }
    const remove = () => host.administrator.send("DELETE", "/v1/platform/keystores/acme/bao")

    it("after its configuration was written in another spelling", async () => {
      const spelled = await change(({ mount_path: _, vault_address, ...rest }) => ({
        ...rest,
        vault_address: `${String(vault_address).replace("http", "HTTP")}/`,
      }))
      expect(spelled).toMatchObject({ status: 200 })
      await isRefused(remove(), "KEYSTORE_IN_USE")
    })

    it("while another tenant's configuration names it", async () => {
      await cli.run("platform", "keystore", "create", "acme", "named")
      await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "globex" })
      const administrator = await tenantClient(host, "globex", "administrator")
      const configuration = {
        ...{ vault_address: `${bao.address}/`, namespace: "openkcm-acme_named", key_name: "l1" },
        ...{ auth_method: "token", token: "unused-token" },
      }
      const document = { plugin_type: "openbao", plugin_name: "copy", configuration }
      await administrator.expect(201, "POST", "/v1/tenants/globex/keystores", document)
      const refused = await cli.run("platform", "keystore", "remove", "acme", "named")
      expect(refused).toMatchObject({ exitCode: 6, stderr: expect.stringContaining('"copy" of tenant "globex"') })
      expect((await bao.admin.send({ ...namespace, path: "sys/namespaces/openkcm-acme_named" })).status).toBe(200)
    })

    it("while OpenBao does not answer, since nothing is proved then", async () => {
      const administrator = await tenantClient(host, "globex", "administrator")
      const { headers } = await administrator.send("GET", "/v1/tenants/globex/keystores/copy")
      const removal = { headers: { "if-match": headers.get("etag") ?? "" } }
      expect(await administrator.send("DELETE", "/v1/tenants/globex/keystores/copy", removal)).toMatchObject({
        status: 204,
      })
      await bao.halt()
      expect(await host.administrator.send("DELETE", "/v1/platform/keystores/acme/named")).toMatchObject({
        ...{ status: 503, body: { code: "UNREACHABLE" } },
      })
      await bao.start()
      expect(await settled("/v1/platform/keystores/acme/named")).toBe("ready")
      expect(await cli.run("platform", "keystore", "remove", "acme", "named")).toMatchObject({ exitCode: 0 })
    })
  })

  it("tells the operator what went wrong, and tries again when asked", async () => {
    await bao.admin.send({ method: "POST", path: "sys/namespaces/openkcm-acme_taken", body: {} })
    const refused = await cli.run("platform", "keystore", "create", "acme", "taken")
    expect(refused).toMatchObject({ exitCode: 7, stderr: expect.stringContaining("was not created by this plugin") })
    await bao.admin.send({ method: "DELETE", path: "sys/namespaces/openkcm-acme_taken" })
    await waitFor("the namespace is gone", async () => {
      const answer = await bao.admin.send({ method: "GET", path: "sys/namespaces/openkcm-acme_taken" })
      return answer.status === 404 ? true : undefined
    })
    expect(await cli.run("platform", "keystore", "create", "acme", "taken")).toMatchObject({ exitCode: 0 })
  })

  it("is made once for any number of parallel requests", async () => {
    const document = { tenant_id: "acme", plugin_type: "openbao", plugin_name: "once" }
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => host.administrator.send("POST", "/v1/platform/keystores", { body: document })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409, 409])
    expect(await settled("/v1/platform/keystores/acme/once")).toBe("ready")
  })

  it("can be removed while it is being made", async () => {
    const document = { tenant_id: "acme", plugin_type: "openbao", plugin_name: "short" }
    await host.administrator.expect(202, "POST", "/v1/platform/keystores", document)
    await host.administrator.expect(202, "DELETE", "/v1/platform/keystores/acme/short")
    expect(await settled("/v1/platform/keystores/acme/short")).toBe("gone")
    expect((await bao.admin.send({ method: "GET", path: "sys/namespaces/openkcm-acme_short" })).status).toBe(404)
    expect(await host.administrator.send("GET", "/v1/tenants/acme/keystores/short")).toMatchObject({ status: 404 })
  })

  it("continues after OpenBao was down and the host was killed", async () => {
    const folder = await folderWithPlatform()
    const first = await startHostProcess(folder)
    onTestFinished(() => first.kill("SIGKILL"))
    const administrator = hostClient(first.apiUrl, await administratorToken(folder))
    await administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "late" })
    await bao.halt()
    await administrator.expect(202, "POST", "/v1/platform/keystores", {
      ...{ tenant_id: "late", plugin_type: "openbao", plugin_name: "bao" },
    })
    await waitFor("the failure in the answer", async () => {
      const shown = await administrator.expect(200, "GET", "/v1/platform/keystores/late/bao")
      expect(shown.state).toBe("pending")
      return object(shown.failure ?? {}).code === "UNREACHABLE" ? true : undefined
    })
    first.kill("SIGKILL")
    await first.ended
    await bao.start()
    await using second = await startTestHost({}, folder)
    await waitFor("the keystore is ready", async () => {
      const shown = await second.administrator.expect(200, "GET", "/v1/platform/keystores/late/bao")
      return shown.state === "ready" ? true : undefined
    })
    await second.administrator.expect(200, "POST", "/v1/tenants/late/keystores/bao/activate", {})
  })

  it("is for the platform's administrator, a known tenant, a free name and a plugin with a server", async () => {
    const administrator = await tenantClient(host, "acme", "administrator")
    const ask = (more: Readonly<Record<string, string>>) => ({
      body: { tenant_id: "acme", plugin_type: "openbao", plugin_name: "other", ...more },
    })
    const refusals: [string, ReturnType<typeof ask>, number][] = [
      ["TENANT_NOT_FOUND", ask({ tenant_id: "nobody" }), 404],
      ["PLUGIN_TYPE_UNKNOWN", ask({ plugin_type: "aws_kms" }), 400],
      ["UNSUPPORTED", ask({ plugin_type: "local_keystore" }), 501],
      ["KEYSTORE_EXISTS", ask({ plugin_name: "bao" }), 409],
    ]
    for (const [code, request, status] of refusals) {
      expect(await host.administrator.send("POST", "/v1/platform/keystores", request)).toMatchObject({
        status,
        body: { code },
      })
    }
    expect(await administrator.send("POST", "/v1/platform/keystores", ask({}))).toMatchObject({ status: 403 })
  })

  it("records everything in the tenant's audit log, and shows no secret", async () => {
    const entries = JSON.stringify(await wholeAudit(host.administrator, "acme"))
    for (const action of [
      "keystoreProvisionRequest",
      "keystoreProvision",
      "keystoreRemovalRequest",
      "keystoreRemoval",
    ]) {
      expect(entries).toContain(`"${action}"`)
    }
    host.log.assertNoCanary([bao.rootToken])
    expect(entries).not.toContain(bao.rootToken)
  })
})
