import { globSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { verifyExport } from "@apeiro-cmk/audit-log"
import { type PostgresServer, postgresAvailable, startPostgres } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import * as z from "zod"
import { wholeAudit } from "./audit-reading.ts"
import { runCli } from "./cli/run-cli.ts"
import { type ExpectedData, type ExpectedTenant, readExpected } from "./earlier-data/expected.ts"
import { clockAfter, copyOfFixture } from "./earlier-data/open.ts"
import { type RefusingOpenBao, startRefusingOpenBao } from "./earlier-data/refusing-openbao.ts"
import { startTestHost, type TestFolder, type TestHost } from "./test-host.ts"
import { object, objects, text } from "./values.ts"

const fixtures = globSync(fileURLToPath(new URL("fixtures/written-by-*", import.meta.url))).toSorted()
const cases = fixtures.flatMap((folder) =>
  ["SQLite", "PostgreSQL"].map((engine) => ({ writtenBy: basename(folder).replaceAll("-", " "), engine, folder })),
)
const hasPostgres = await postgresAvailable()
const leafLine = z.object({ leaf: z.base64() })

for (const { writtenBy, engine, folder } of cases) {
  const onPostgres = engine === "PostgreSQL"
  describe.skipIf(onPostgres && !hasPostgres)(`data ${writtenBy}, on ${engine},`, () => {
    const fixture = join(folder, engine.toLowerCase())
    let expected: ExpectedData
    let openBao: RefusingOpenBao
    let server: PostgresServer | undefined
    let host: TestHost
    beforeAll(async () => {
      expected = await readExpected(fixture)
      openBao = await startRefusingOpenBao()
      server = onPostgres ? await startPostgres() : undefined
      const copy = await copyOfFixture(fixture, openBao, server)
      host = await startTestHost({ clock: clockAfter(expected.writtenAt) }, copy)
    })
    afterAll(async () => {
      await host?.[Symbol.asyncDispose]()
      await server?.stop()
      await openBao?.close()
    })
    const each = async (work: (tenant: ExpectedTenant, path: string) => Promise<void>) => {
      for (const tenant of expected.tenants) await work(tenant, `/v1/tenants/${tenant.tenantId}`)
    }
    const fixtureFile = (name: string) => readFile(join(fixture, name), "utf8")

    it("opens with tenants, keystores and service keys as they were", async () => {
      await each(async ({ tenant, keystores, serviceKeys }, path) => {
        const { administrator } = host
        expect(await administrator.expect(200, "GET", path)).toMatchObject(tenant)
        const listed = await administrator.expect(200, "GET", `${path}/keystores`)
        expect(objects(listed.keystores).map((keystore) => keystore.plugin_name)).toEqual(
          objects(keystores).map((keystore) => keystore.plugin_name),
        )
        for (const keystore of objects(keystores)) {
          const shown = await administrator.expect(200, "GET", `${path}/keystores/${text(keystore.plugin_name)}`)
          expect(shown).toMatchObject(keystore)
        }
        const { service_keys } = await administrator.expect(200, "GET", `${path}/service-keys`)
        expect(service_keys).toEqual(expect.arrayContaining(serviceKeys.map((key) => expect.objectContaining(key))))
      })
    })

    it("shows only that a stored secret is set, with its version, and logs in with it", async () => {
      const path = "/v1/tenants/acme/keystores/far"
      const { configuration } = await host.administrator.expect(200, "GET", path)
      expect(object(configuration).secret_id).toEqual({ set: true, version: 1 })
      await host.administrator.expect(200, "POST", `${path}/test`)
      expect(openBao.received.some((body) => body.includes(expected.secretId))).toBe(true)
    })

    it("shows why a platform keystore failed", async () => {
      const { keystores } = await host.administrator.expect(200, "GET", "/v1/platform/keystores")
      const [platform] = objects(keystores)
      expect(platform).toMatchObject({
        ...{ tenant_id: "acme", plugin_type: "openbao", plugin_name: "platform", state: "failed" },
        failure: { code: "CREDENTIAL_REJECTED", origin: expect.stringMatching(/^(keystore|backend)$/) },
      })
    })

    it("unwraps every envelope to the same bytes as before", async () => {
      await each(async ({ dataKeys }, path) => {
        expect(dataKeys).toHaveLength(8)
        for (const { serviceKey, envelope, plaintext } of dataKeys) {
          const unwrap = `${path}/service-keys/${serviceKey}/data-keys/unwrap`
          expect(await host.administrator.expect(200, "POST", unwrap, { envelope })).toMatchObject({ plaintext })
        }
      })
    })

    it("generates data keys with the existing service keys and with a new one", async () => {
      await each(async (_tenant, path) => {
        await host.administrator.expect(201, "POST", `${path}/service-keys`, { name: "new" })
        for (const serviceKey of ["payments", "new"]) {
          const dataKeys = `${path}/service-keys/${serviceKey}/data-keys`
          const { envelope, plaintext } = await host.administrator.expect(200, "POST", dataKeys, {})
          const unwrapped = await host.administrator.expect(200, "POST", `${dataKeys}/unwrap`, { envelope })
          expect(unwrapped.plaintext).toBe(plaintext)
        }
      })
    })

    it("passes verification: every wrap and every service key opens", async () => {
      await each(async ({ serviceKeys }, path) => {
        const found = await host.administrator.expect(200, "GET", `${path}/verify`)
        expect(found.verified).toBe(true)
        expect(objects(found.service_keys)).toEqual(
          expect.arrayContaining(serviceKeys.map(({ name }) => expect.objectContaining({ name, opens: true }))),
        )
      })
    })

    it("authenticates each token with its role, and refuses a revoked and an expired token", async () => {
      const statuses = { reader: [200, 403, 403], administrator: [200, 200, 200], workload: [403, 403, 200] }
      await each(async ({ tokens, refusedTokens }, path) => {
        expect(tokens.map(({ role }) => role)).toEqual(Object.keys(statuses))
        for (const { role, token } of tokens) expect(await statusesWith(host, path, token)).toEqual(statuses[role])
        for (const { token } of refusedTokens) expect(await statusesWith(host, path, token)).toEqual([401, 401, 401])
      })
    })

    it("lists the audit entries as exported before, including failures with origin keystore", async () => {
      await each(async ({ tenantId }) => {
        const exported = leavesOf(await fixtureFile(`${tenantId}.audit.jsonl`))
        const listed = (await wholeAudit(host.administrator, tenantId)).map(({ event }) => event)
        expect(listed.slice(0, exported.length)).toEqual(exported)
        const origins = exported.map(({ origin }) => origin)
        expect(origins).toEqual(expect.arrayContaining(["caller", "keystore"]))
      })
    })

    it("verifies the old audit export, and begins each new export with its entries", async () => {
      await each(async ({ tenantId }, path) => {
        await wholeAudit(host.administrator, tenantId)
        const { text: exported } = await host.administrator.send("GET", `${path}/audit/export`)
        await expectContinued(await fixtureFile(`${tenantId}.audit.jsonl`), exported)
      })
      const { text: exported } = await host.administrator.send("GET", "/v1/platform/audit/export")
      await expectContinued(await fixtureFile("platform.audit.jsonl"), exported)
    })

    it("recovers an envelope offline from the old key export and L1", async () => {
      const copy = await copyOfFixture(fixture, openBao, undefined)
      onTestFinished(() => copy.remove())
      await each(async (tenant) => {
        const [dataKey] = tenant.dataKeys
        expect(await recover(copy, join(fixture, `${tenant.tenantId}.keys.json`), tenant)).toBe(dataKey?.plaintext)
      })
    })
  })
}

/** Statuses of listing keystores, of listing tokens and of making a data key. */
async function statusesWith(host: TestHost, path: string, token: string): Promise<readonly number[]> {
  const client = host.client(token)
  const answers = [
    await client.send("GET", `${path}/keystores`),
    await client.send("GET", `${path}/tokens`),
    await client.send("POST", `${path}/service-keys/payments/data-keys`, { body: {} }),
  ]
  return answers.map(({ status }) => status)
}

function leavesOf(exported: string): readonly Record<string, unknown>[] {
  const entries = exported.trim().split("\n").slice(0, -1)
  return entries.map((line) => {
    const { leaf } = leafLine.parse(JSON.parse(line))
    return object(JSON.parse(Buffer.from(leaf, "base64").toString("utf8")))
  })
}

/** The first entries of the newer export are those of the older one, and have its root. */
async function expectContinued(older: string, newer: string): Promise<void> {
  const olderLines = older.trim().split("\n")
  const newerLines = newer.trim().split("\n")
  const { size } = await verifyExport(linesOf(olderLines))
  expect((await verifyExport(linesOf(newerLines))).size).toBeGreaterThan(size)
  const beginning = [...newerLines.slice(0, size), ...olderLines.slice(-1)]
  expect(beginning).toEqual(olderLines)
}

async function* linesOf(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

/** Opens the tenant's first envelope with the command line alone. @returns the plaintext in base64 */
async function recover(folder: TestFolder, keysFile: string, tenant: ExpectedTenant): Promise<string> {
  const { tenantId, keystores, dataKeys } = tenant
  const active = keystores.find(({ plugin_status }) => plugin_status === "active")
  const { plugin_type, plugin_name, configuration } = object(active)
  const keystoreFile = join(folder.path, `${tenantId}.keystore.json`)
  const envelopeFile = join(folder.path, `${tenantId}.envelope`)
  await writeFile(keystoreFile, JSON.stringify({ plugin_type, plugin_name, configuration }))
  await writeFile(envelopeFile, dataKeys[0]?.envelope ?? "")
  const files = ["--keys", keysFile, "--keystore", keystoreFile, "--envelope", envelopeFile]
  const run = await runCli(["--json", "recover", ...files, "--profile", folder.profilePath], {})
  expect(run).toMatchObject({ exitCode: 0, stderr: "" })
  return text(object(JSON.parse(run.stdout)).plaintext)
}
