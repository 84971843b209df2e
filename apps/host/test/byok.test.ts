import { createDecipheriv, randomBytes } from "node:crypto"
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"
import { findCanary } from "@apeiro-cmk/plugin-sdk/testing"
import { type OpenBaoServer, openBaoAvailable, startOpenBao } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Cli, cliOf } from "./cli/run-cli.ts"
import { localKeystore, tenantClient } from "./fixtures.ts"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"
import { object, objects, text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

const mount = "openkcm-keys"
const key = "brought-by-acme"
const policy = `
  path "${mount}/encrypt/${key}" { capabilities = ["update"] }
  path "${mount}/decrypt/${key}" { capabilities = ["update"] }
  path "${mount}/keys/${key}" { capabilities = ["read"] }
  path "${mount}/keys/${key}/import" { capabilities = ["update"] }
  path "${mount}/wrapping_key" { capabilities = ["read"] }`

const available = await openBaoAvailable()

describe.skipIf(!available)("bring your own key, with a real OpenBao", () => {
  let bao: OpenBaoServer
  let host: TestHost
  let cli: Cli
  const material = randomBytes(32)
  const file = (name: string) => join(host.folder.path, name)

  beforeAll(async () => {
    bao = await startOpenBao()
    const { admin } = bao
    await admin.enableTransit(mount)
    await admin.writePolicy("byok", policy)
    await admin.enableAuth("approle")
    const { roleId, secretId } = await admin.createAppRole({ name: "byok", policies: ["byok"] })
    host = await startTestHost({}, await testFolder({ openBao: { endpoint: bao.address } }))
    cli = cliOf(host)
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/keystores", {
      plugin_type: "openbao",
      plugin_name: "bao",
      configuration: {
        vault_address: bao.address,
        auth_method: "approle",
        role_id: roleId,
        secret_id: secretId,
        mount_path: mount,
        key_name: key,
      },
    })
    await writeFile(file("key"), material, { mode: 0o600 })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await bao.stop()
  })

  it("lets only an administrator of the tenant ask for parameters", async () => {
    for (const role of ["reader", "workload"] as const) {
      const client = await tenantClient(host, "acme", role)
      for (const act of ["import-parameters", "import"]) {
        const answer = await client.send("POST", `/v1/tenants/acme/keystores/bao/${act}`, { body: {} })
        expect(answer).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } })
      }
    }
  })

  it("goes by the command line from the parameters to an active keystore", async () => {
    expect(await cli.run("byok", "parameters", "acme", "bao", "--output", file("parameters.json"))).toMatchObject({
      exitCode: 0,
    })
    expect(object(JSON.parse(await readFile(file("parameters.json"), "utf8")))).toEqual({
      publicKey: expect.stringContaining("BEGIN PUBLIC KEY"),
      wrappingAlgorithm: "CKM_RSA_AES_KEY_WRAP",
      hashFunction: "SHA256",
      providerParams: expect.any(String),
    })
    const wrapping = ["byok", "wrap", "--key", file("key"), "--parameters", file("parameters.json")]
    expect(await cli.run(...wrapping, "--output", file("wrapped.json"))).toMatchObject({ exitCode: 0 })
    expect((await stat(file("wrapped.json"))).mode & 0o777).toBe(0o600)
    const imported = await cli.run("byok", "import", "acme", "bao", "--material", file("wrapped.json"))
    expect(imported).toMatchObject({ exitCode: 0 })
    expect(imported.stdout).toMatch(/Imported as version 1 of .*brought-by-acme, ENABLED/)
    expect((await cli.run("keystore", "test", "acme", "bao")).exitCode).toBe(0)
    expect((await cli.run("keystore", "activate", "acme", "bao")).exitCode).toBe(0)
  })

  it("wraps the tenant key with the imported key: the wrap opens with the material alone", async () => {
    const exported = await host.administrator.expect(200, "GET", "/v1/tenants/acme/key-export")
    const [tenantKey] = objects(exported.tenant_keys)
    const [wrap] = objects(tenantKey?.wraps)
    const context = { tenantId: "acme", keyId: text(tenantKey?.key_id), keyVersion: Number(tenantKey?.version) }
    const ciphertext = Buffer.from(text(wrap?.ciphertext), "base64").toString("latin1")
    const bytes = Buffer.from(ciphertext.split(":")[2] ?? "", "base64")
    const decipher = createDecipheriv("aes-256-gcm", material, bytes.subarray(0, 12), { authTagLength: 16 })
    decipher.setAAD(encodeEncryptionContext(context)).setAuthTag(bytes.subarray(-16))
    expect(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])).toHaveLength(32)
  })

  it("refuses an import into an active keystore, and by a plugin that cannot import", async () => {
    const again = await cli.run("byok", "import", "acme", "bao", "--material", file("wrapped.json"))
    expect(again).toMatchObject({ exitCode: 6, stderr: expect.stringContaining("is active") })
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/keystores", localKeystore())
    const answer = await host.administrator.send("POST", "/v1/tenants/acme/keystores/local/import-parameters")
    expect(answer).toMatchObject({ status: 501, body: { code: "UNSUPPORTED", origin: "plugin" } })
  })

  it("has both outcomes in the tenant's audit log", async () => {
    const events = await waitFor("the import in the log", async () => {
      const answer = await host.administrator.expect(200, "GET", "/v1/tenants/acme/audit/entries?limit=1000")
      const found = objects(answer.entries).map((entry) => object(entry.event))
      return answer.waiting === 0 ? found : undefined
    })
    const ofKeystore = events.filter(({ action, resource }) => action === "keyCreate" && object(resource).id === "bao")
    expect(ofKeystore).toMatchObject([
      { outcome: "success", facts: { origin: "import", key_version: "1" } },
      { outcome: "failure", code: "KEYSTORE_ACTIVE" },
    ])
  })

  it("leaves the material nowhere: not in the database, not in the log, not in the uploaded file", async () => {
    host.log.assertNoCanary([material])
    expect(findCanary(await readFile(file("wrapped.json"), "utf8"), [material])).toBeUndefined()
    const names = (await readdir(host.folder.dataDirectory)).filter((each) => each.startsWith("host.sqlite"))
    for (const name of names) {
      expect(findCanary(await readFile(join(host.folder.dataDirectory, name)), [material])).toBeUndefined()
    }
  })

  it.each([
    ["others may read", async (path: string) => chmod(path, 0o644), "chmod 600"],
    ["does not have 32 bytes", async (path: string) => writeFile(path, "too short"), "9 bytes instead of 32"],
    ["is a folder", async (path: string) => mkdir(`${path}/`, { recursive: true }), "not a regular file"],
  ])("byok wrap refuses a key file that %s, and writes nothing", async (what, spoil, words) => {
    const name = `key-${what.replaceAll(" ", "-")}`
    if (what !== "is a folder") await writeFile(file(name), randomBytes(32), { mode: 0o600 })
    await spoil(file(name))
    const out = file(`${name}.json`)
    const run = await cli.run(
      "byok",
      "wrap",
      "--key",
      file(name),
      "--parameters",
      file("parameters.json"),
      "--output",
      out,
    )
    expect(run).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(words) })
    await expect(stat(out)).rejects.toMatchObject({ code: "ENOENT" })
  })

  it("byok wrap follows no link, and refuses other documents and expired parameters", async () => {
    await symlink(file("key"), file("link"))
    const wrap = (keyFile: string, parameters: string) =>
      cli.run("byok", "wrap", "--key", file(keyFile), "--parameters", file(parameters), "--output", file("never.json"))
    expect(await wrap("link", "parameters.json")).toMatchObject({ exitCode: 2 })
    expect(await wrap("key", "wrapped.json")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("publicKey"),
    })
    const parameters = object(JSON.parse(await readFile(file("parameters.json"), "utf8")))
    await writeFile(file("expired.json"), JSON.stringify({ ...parameters, validTo: "2020-01-01T00:00:00.000Z" }))
    expect(await wrap("key", "expired.json")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("expired") })
    await writeFile(file("rubbish.json"), JSON.stringify({ ...parameters, publicKey: "rubbish" }))
    const rubbish = await wrap("key", "rubbish.json")
    expect(rubbish).toMatchObject({ stderr: expect.stringContaining("not a public key as PEM") })
    expect(rubbish.exitCode).toBe(2)
  })
})
