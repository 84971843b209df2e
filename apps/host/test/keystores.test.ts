import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { localKeystore, tenantWithKeys } from "./fixtures.ts"
import type { Answer } from "./host-client.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { objects, text } from "./values.ts"

/** The document of story 4, step 2, letter for letter. */
const storyDocument = {
  plugin_type: "openbao",
  plugin_name: "openbao_cluster_production",
  configuration: {
    vault_address: "https://openbao.company.internal:8200",
    auth_method: "approle",
    role_id: "openkcm-role-id-12345",
    secret_id_path: "/etc/openkcm/openbao-secret-id",
    mount_path: "openkcm-keys",
    key_name: "customer-master-key",
  },
}

const inlineSecret = {
  ...storyDocument,
  plugin_name: "inline",
  configuration: {
    vault_address: "https://openbao.company.internal:8200",
    auth_method: "approle",
    role_id: "openkcm-role-id-12345",
    secret_id: "CANARY-secret-id-94127",
    mount_path: "openkcm-keys",
    key_name: "customer-master-key",
  },
}

const etagOf = (answer: Answer) => text(answer.headers.get("etag"))

describe("keystores", () => {
  let host: TestHost
  beforeAll(async () => {
    host = await startTestHost({}, { keyNames: ["default", "second", "third"] })
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "acme" })
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const path = "/v1/tenants/acme/keystores"

  it("accepts the story's document as it is written", async () => {
    const added = await host.administrator.send("POST", path, { body: storyDocument })
    expect(added.status).toBe(201)
    expect(added.body).toMatchObject(storyDocument)
    const material = await host.administrator.expect(200, "GET", `${path}/openbao_cluster_production/setup-material`)
    expect(JSON.stringify(material)).toContain("openkcm-keys/encrypt/customer-master-key")
  })

  it("shows of a secret that it is set and its version, and nothing else", async () => {
    const added = await host.administrator.send("POST", path, { body: inlineSecret })
    expect(added.status).toBe(201)
    expect(added.body.configuration).toMatchObject({ secret_id: { set: true, version: 1 } })
    const kept = { ...inlineSecret.configuration, secret_id: { set: true, version: 1 } }
    const changed = await host.administrator.send("PUT", `${path}/inline`, {
      body: { configuration: kept },
      headers: { "if-match": etagOf(added) },
    })
    expect(changed).toMatchObject({ status: 200, body: { configuration: { secret_id: { set: true, version: 1 } } } })
    const replaced = await host.administrator.send("PUT", `${path}/inline`, {
      body: { configuration: { ...kept, secret_id: "CANARY-secret-id-replaced" } },
      headers: { "if-match": etagOf(changed) },
    })
    // The version of a secret is the revision of the keystore with which it came.
    expect(replaced.body.configuration).toMatchObject({ secret_id: { set: true, version: 3 } })
    for (const answer of [added, changed, replaced, await host.administrator.send("GET", path)]) {
      expect(answer.text).not.toContain("CANARY")
    }
  })

  it("names every fault of a configuration, and never repeats a secret", async () => {
    const body = {
      ...storyDocument,
      plugin_name: "faulty",
      configuration: { vault_address: "http://169.254.169.254/x?y", auth_method: "magic", colour: "CANARY-unknown" },
    }
    const answer = await host.administrator.send("POST", path, { body })
    expect(answer).toMatchObject({ status: 400, body: { code: "CONFIGURATION_INVALID" } })
    const named = objects(answer.body.issues)
      .map((issue) => JSON.stringify(issue.path))
      .join()
    for (const field of ["vault_address", "auth_method", "colour"]) expect(named).toContain(field)
    expect(answer.text).not.toContain("CANARY")
  })

  it("needs If-Match for a change and a removal, and refuses a stale one", async () => {
    const added = await host.administrator.send("POST", path, { body: localKeystore("tagged") })
    const [first, read] = [etagOf(added), await host.administrator.send("GET", `${path}/tagged`)]
    expect(etagOf(read)).toBe(first)
    const put = (headers: Record<string, string>) =>
      host.administrator.send("PUT", `${path}/tagged`, { body: { configuration: { key_name: "third" } }, headers })
    expect(await put({})).toMatchObject({ status: 428, body: { code: "PRECONDITION_REQUIRED" } })
    expect(await put({ "if-match": '"1"' })).toMatchObject({ status: 412, body: { code: "REVISION_MISMATCH" } })
    expect(await put({ "if-match": `W/${first}` })).toMatchObject({ status: 412 })
    const changed = await put({ "if-match": `"0", ${first}` })
    expect(changed.status).toBe(200)
    expect(etagOf(changed)).not.toBe(first)
    const remove = (headers: Record<string, string>) => host.administrator.send("DELETE", `${path}/tagged`, { headers })
    expect((await remove({})).status).toBe(428)
    expect((await remove({ "if-match": first })).status).toBe(412)
    expect((await remove({ "if-match": etagOf(changed) })).status).toBe(204)
    expect((await remove({ "if-match": etagOf(changed) })).status).toBe(404)
  })

  it("refuses the ETag of a removed keystore, even after another of the same name was added", async () => {
    const add = () => host.administrator.send("POST", path, { body: localKeystore("reborn") })
    const ifMatch = (answer: Answer) => ({ headers: { "if-match": etagOf(answer) } })
    const removed = await add()
    expect((await host.administrator.send("DELETE", `${path}/reborn`, ifMatch(removed))).status).toBe(204)
    const added = await add()
    expect(added.body.revision).toBe(removed.body.revision)
    const change = { body: { configuration: { key_name: "third" } }, ...ifMatch(removed) }
    expect(await host.administrator.send("PUT", `${path}/reborn`, change)).toMatchObject({ status: 412 })
    expect(await host.administrator.send("DELETE", `${path}/reborn`, ifMatch(removed))).toMatchObject({ status: 412 })
    expect((await host.administrator.send("DELETE", `${path}/reborn`, ifMatch(added))).status).toBe(204)
  })

  it("accepts one of many parallel changes of the same revision", async () => {
    const added = await host.administrator.send("POST", path, { body: localKeystore("contended") })
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        host.administrator.send("PUT", `${path}/contended`, {
          body: { configuration: { key_name: "third" } },
          headers: { "if-match": etagOf(added) },
        }),
      ),
    )
    const statuses = answers.map(({ status }) => status).toSorted()
    expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 412)])
  })

  it("does not change the name or the type of a keystore", async () => {
    const added = await host.administrator.send("POST", path, { body: localKeystore("renamed") })
    const answer = await host.administrator.send("PUT", `${path}/renamed`, {
      body: { plugin_type: "openbao", configuration: { key_name: "third" } },
      headers: { "if-match": etagOf(added) },
    })
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } })
  })

  it("allows only one tenant to claim an L1 key, without naming the owner, and records the attempt", async () => {
    await tenantWithKeys(host, "owner", "default")
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "thief" })
    await host.administrator.expect(201, "POST", "/v1/tenants/thief/keystores", localKeystore("mine", "default"))
    const claim = await host.administrator.send("POST", "/v1/tenants/thief/keystores/mine/activate")
    expect(claim).toMatchObject({ status: 409, body: { code: "L1_ALREADY_CLAIMED" } })
    expect(claim.text).not.toContain("owner")
    const keystore = await host.administrator.expect(200, "GET", "/v1/tenants/thief/keystores/mine")
    expect(keystore.plugin_status).toBe("inactive")
  })

  it("has one active keystore for a tenant, fixes the fields that identify its key, and keeps it while it wraps", async () => {
    await tenantWithKeys(host, "single", "second")
    const keystores = "/v1/tenants/single/keystores"
    await host.administrator.expect(201, "POST", keystores, localKeystore("another", "third"))
    const second = await host.administrator.send("POST", `${keystores}/another/activate`)
    expect(second).toMatchObject({ status: 409, body: { code: "ANOTHER_KEYSTORE_ACTIVE" } })
    const headers = { "if-match": etagOf(await host.administrator.send("GET", `${keystores}/local`)) }
    const moved = await host.administrator.send("PUT", `${keystores}/local`, {
      body: { configuration: { key_name: "third" } },
      headers,
    })
    expect(moved).toMatchObject({ status: 409, body: { code: "IDENTITY_FIELD_FIXED" } })
    const removed = await host.administrator.send("DELETE", `${keystores}/local`, { headers })
    expect(removed).toMatchObject({ status: 409, body: { code: "KEYSTORE_IN_USE" } })
  })

  it("answers a failed activation with the steps that were tried", async () => {
    await host.administrator.expect(201, "POST", "/v1/tenants", { tenant_id: "missing" })
    const keystores = "/v1/tenants/missing/keystores"
    await host.administrator.expect(201, "POST", keystores, localKeystore("gone", "no-such-key"))
    const answer = await host.administrator.send("POST", `${keystores}/gone/activate`)
    expect(answer).toMatchObject({ status: 409, body: { code: "CONNECTION_TEST_FAILED" } })
    const failed = objects(answer.body.steps).filter((step) => step.outcome === "failed")
    expect(failed[0]).toMatchObject({ code: "KEY_NOT_FOUND", next_step: expect.any(String) })
  })
})
