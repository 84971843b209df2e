import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { inspect } from "node:util"
import { type PostgresServer, postgresAvailable, startPostgres } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { verifiedSize, wholeAudit } from "./audit-reading.ts"
import { localKeystore, tenantClient, tenantWithKeys } from "./fixtures.ts"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"
import { object, objects } from "./values.ts"

const available = await postgresAvailable()
const keyNames = ["default", "second", "third", "fourth", "fifth"]

describe.skipIf(!available)("two hosts on one PostgreSQL", () => {
  let server: PostgresServer
  let one: TestHost
  let other: TestHost
  let databaseUrl: string
  beforeAll(async () => {
    server = await startPostgres()
    databaseUrl = await server.createDatabase()
    const folder = await testFolder({ keyNames, databaseUrl })
    const secondFolder = await testFolder({ keyNames, databaseUrl, besides: folder })
    one = await startTestHost({ replica: "one" }, folder)
    other = await startTestHost({ replica: "other" }, secondFolder)
  })
  afterAll(async () => {
    await other?.[Symbol.asyncDispose]()
    await one?.[Symbol.asyncDispose]()
    await server?.stop()
  })
  const hostOf = (number: number) => (number % 2 === 0 ? one : other)

  it("let one of many tenants claim an L1 key", async () => {
    const tenants = Array.from({ length: 6 }, (_none, number) => `racer-${number}`)
    for (const tenant of tenants) {
      await one.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: tenant })
      await one.administrator.expect(201, "POST", `/v1/tenants/${tenant}/keystores`, localKeystore())
    }
    const answers = await Promise.all(
      tenants.map((tenant, number) =>
        hostOf(number).administrator.send("POST", `/v1/tenants/${tenant}/keystores/local/activate`),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409, 409, 409])
    for (const answer of answers) if (answer.status === 409) expect(answer.body.code).toBe("L1_ALREADY_CLAIMED")
  })

  it("activate one keystore once, with one tenant key for both", async () => {
    await one.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "once" })
    await one.administrator.expect(201, "POST", "/v1/tenants/once/keystores", localKeystore("local", "second"))
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_none, number) =>
        hostOf(number).administrator.send("POST", "/v1/tenants/once/keystores/local/activate"),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200))
    const verified = await other.administrator.expect(200, "GET", "/v1/tenants/once/verify")
    expect(objects(verified.tenant_keys)).toHaveLength(1)
  })

  it("see each other's changes of a keystore, and accept one of two parallel ones", async () => {
    await one.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "changing" })
    const path = "/v1/tenants/changing/keystores/local"
    await one.administrator.expect(201, "POST", "/v1/tenants/changing/keystores", localKeystore("local", "missing"))
    const change = (host: TestHost, keyName: string, etag: string) =>
      host.administrator.send("PUT", path, {
        body: { configuration: { key_name: keyName } },
        headers: { "if-match": etag },
      })
    const first = await etagOf(one, path)
    // The other host has opened the keystore in its present state, and must not continue with that.
    await other.administrator.expect(409, "POST", `${path}/activate`)
    const changed = await change(one, "third", first)
    expect(changed.status).toBe(200)
    expect(await etagOf(other, path)).toBe(changed.headers.get("etag"))
    expect((await change(other, "fourth", first)).status).toBe(412)
    await other.administrator.expect(200, "POST", `${path}/activate`)
    const seen = await one.administrator.expect(200, "GET", path)
    expect(seen).toMatchObject({ plugin_status: "active", configuration: { key_name: "third" } })

    await one.administrator.expect(201, "POST", "/v1/tenants/changing/keystores", localKeystore("raced"))
    const raced = "/v1/tenants/changing/keystores/raced"
    const racedEtag = await etagOf(one, raced)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_none, number) =>
        hostOf(number).administrator.send("PUT", raced, {
          body: { configuration: { key_name: "fourth" } },
          headers: { "if-match": racedEtag },
        }),
      ),
    )
    const refused = Array.from({ length: 9 }, () => 412)
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...refused])
    await other.administrator.send("DELETE", raced, { headers: { "if-match": await etagOf(one, raced) } })
    await one.administrator.expect(404, "GET", raced)
  })

  it("open each other's envelopes, and honour each other's tokens and revocations", async () => {
    const path = await tenantWithKeys(one, "shared", "fourth")
    const workload = await tenantClient(one, "shared", "workload")
    const elsewhere = other.client(workload.token)
    const { envelope, plaintext } = await workload.expect(200, "POST", path, {})
    expect(await elsewhere.expect(200, "POST", `${path}/unwrap`, { envelope })).toMatchObject({ plaintext })
    await one.administrator.expect(204, "DELETE", `/v1/tenants/shared/tokens/${workload.tokenId}`)
    await elsewhere.expect(401, "POST", `${path}/unwrap`, { envelope })
  })

  it("create once for one Idempotency-Key, wherever the request is repeated", async () => {
    const body = { tenant_id: "idempotent" }
    const send = (host: TestHost, sent: unknown = body) =>
      host.administrator.send("POST", "/v1/tenants", { body: sent, headers: { "idempotency-key": "key-1" } })
    const raced = await Promise.all(Array.from({ length: 10 }, (_none, number) => send(hostOf(number))))
    for (const answer of raced) {
      // While one host works on it, the other reports that.
      if (answer.status === 409) expect(answer.body).toMatchObject({ code: "IDEMPOTENCY_IN_PROGRESS", retryable: true })
      else expect(answer.status).toBe(201)
    }
    const [here, there] = [await send(one), await send(other)]
    expect([here.status, there.status]).toEqual([201, 201])
    expect(there.body).toEqual(here.body)
    expect(await send(other, { tenant_id: "different" })).toMatchObject({
      status: 422,
      body: { code: "IDEMPOTENCY_KEY_REUSED" },
    })
  })

  it("refuse to start with another root key or a wrong password", async () => {
    const stranger = await testFolder({ keyNames, databaseUrl })
    onTestFinished(() => stranger.remove())
    const refused = { origin: "host", nextStep: expect.stringMatching(/credentialStore\.root/) }
    const start = () => startTestHost({ replica: "stranger" }, stranger)
    await expect(start()).rejects.toMatchObject({ ...refused, code: "ROOT_KEY_MISSING" })
    await writeFile(join(stranger.dataDirectory, "credential-root.key"), Buffer.alloc(32, 7), { mode: 0o600 })
    await expect(start()).rejects.toMatchObject({ ...refused, code: "ROOT_KEY_DIFFERS" })
    const password = new URL(databaseUrl).password
    const guessing = await testFolder({ databaseUrl: databaseUrl.replace(password, "CANARY-password") })
    onTestFinished(() => guessing.remove())
    const refusal = await startTestHost({}, guessing).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: "DATABASE_ACCESS_DENIED", nextStep: expect.stringMatching(/password/) })
    expect(inspect(refusal, { depth: 9 })).not.toContain("CANARY")
  })

  it("write one log without gaps, which verifies at either", async () => {
    const tenant = "logged"
    const path = await tenantWithKeys(one, tenant, "fifth")
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_none, number) => hostOf(number).administrator.expect(200, "POST", path, {})),
    )
    const entries = await wholeAudit(other.administrator, tenant)
    expect(entries.map((entry) => entry.index)).toEqual([...entries.keys()])
    const recorded = new Set(entries.map((entry) => entry.entry_id))
    expect(answers.filter((answer) => !recorded.has(answer.audit_entry_id))).toEqual([])
    expect(await verifiedSize(one.administrator, tenant)).toBe(entries.length)
    expect(await verifiedSize(other.administrator, tenant)).toBe(entries.length)
    const replicas = new Set(entries.map((entry) => object(entry.event).replica))
    expect(replicas).toEqual(new Set(["one", "other"]))
  })
})

async function etagOf(host: TestHost, path: string): Promise<string> {
  return (await host.administrator.send("GET", path)).headers.get("etag") ?? ""
}
