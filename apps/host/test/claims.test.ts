import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { cliOf } from "./cli/run-cli.ts"
import { type RunningBackend, startBao } from "./four-backends.ts"
import { type LyingServer, startLyingServer } from "./lying-server.ts"
import { startTestHost, type TestHost } from "./test-host.ts"
import { objects, text } from "./values.ts"

const claims = "/v1/platform/claims"
const claimant = "claimant_tenant_id=globex&claimant_plugin_name=own"

describe("a claim by a server that states another OpenBao's cluster id", () => {
  let honest: RunningBackend
  let behind: RunningBackend
  let liar: LyingServer
  let host: TestHost

  beforeAll(async () => {
    ;[honest, behind] = await Promise.all([startBao(), startBao()])
    host = await startTestHost({}, { openBao: { endpoint: "http://127.0.0.1:*" } })
    const own = await honest.newKeystore()
    const address = text(own.configuration.vault_address)
    const health = await fetch(`${address}/v1/sys/health`)
    const { cluster_id: clusterId } = (await health.json()) as { readonly cluster_id: string }
    const theirs = await behind.newKeystore()
    liar = await startLyingServer(text(theirs.configuration.vault_address), clusterId)
    const lying = { ...theirs.configuration, vault_address: liar.address }
    await add("acme", { ...theirs, plugin_name: "liar", configuration: lying })
    await activate("acme", "liar", 200)
    await host.administrator.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "orders" })
    await add("globex", { ...own, plugin_name: "own" })
    await activate("globex", "own", 409)
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
    await liar.stop()
    await Promise.all([honest.stop(), behind.stop()])
  })

  it("is listed with its holder, for the platform's administrator alone", async () => {
    const page = await host.administrator.send("GET", `${claims}?limit=1`)
    expect(objects(page.body.claims)).toMatchObject([
      { tenant_id: "acme", plugin_name: "liar", plugin_type: "openbao" },
    ])
    expect(page.headers.get("link")).toBeNull()
    const made = await host.administrator.expect(201, "POST", "/v1/tenants/globex/tokens", { role: "administrator" })
    const tenant = host.client(text(made.token))
    await tenant.expect(403, "GET", claims)
    await tenant.expect(403, "DELETE", `${claims}/${await claimId()}?${claimant}`)
  })

  it("stays for three days while the holder's server is silent", async () => {
    liar.isSilent = true
    const refused = await host.administrator.send("DELETE", `${claims}/${await claimId()}?${claimant}`)
    expect(refused).toMatchObject({ status: 409, body: { code: "CLAIM_UNPROVEN", retryable: true } })
    expect(objects((await host.administrator.expect(200, "GET", claims)).claims)).toMatchObject([
      { tenant_id: "acme", contested_at: expect.any(String) },
    ])
    liar.isSilent = false
  })

  it("passes to the owner, whose wraps the holder's server cannot open", async () => {
    const released = await cliOf(host).run("platform", "claim", "release", await claimId(), "globex", "own")
    expect(released).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("keystore activate globex own") })
    const listed = await cliOf(host).run("platform", "claim", "list", "--json")
    expect(JSON.parse(listed.stdout)).toMatchObject({ claims: [{ tenant_id: "globex", plugin_name: "own" }] })
    await activate("globex", "own", 200)
    await host.administrator.expect(201, "POST", "/v1/tenants/globex/service-keys", { name: "orders" })
    await host.administrator.expect(200, "POST", "/v1/tenants/globex/service-keys/orders/data-keys", {})
  })

  it("leaves the former holder its keys, and refuses it the claim", async () => {
    await host.administrator.expect(200, "POST", "/v1/tenants/acme/service-keys/orders/data-keys", {})
    await host.administrator.expect(200, "GET", "/v1/tenants/acme/verify")
    await activate("acme", "liar", 409)
  })

  it("passes back and forth at the administrator's word, since neither server opens the other's wraps", async () => {
    const back = `${claims}/${await claimId()}?claimant_tenant_id=acme&claimant_plugin_name=liar`
    expect(await host.administrator.expect(200, "DELETE", back)).toMatchObject({ tenant_id: "acme" })
    expect(await host.administrator.expect(200, "DELETE", `${claims}/${await claimId()}?${claimant}`)).toMatchObject({
      tenant_id: "globex",
    })
  })

  it("stays with a holder that truly holds the key", async () => {
    const { configuration, ...document } = await honest.newKeystore()
    await add("initech", { ...document, plugin_name: "first", configuration })
    await activate("initech", "first", 200)
    await add("hooli", { ...document, plugin_name: "second", configuration })
    await activate("hooli", "second", 409)
    const of = async () => text((await claimOf("initech"))?.claim_id)
    const release = `${claims}/${await of()}?claimant_tenant_id=hooli&claimant_plugin_name=second`
    expect(await host.administrator.send("DELETE", release)).toMatchObject({
      status: 409,
      body: { code: "CLAIM_HELD" },
    })
    expect(await claimOf("initech")).toMatchObject({ plugin_name: "first" })
  })

  it("is in all three logs, without the other tenant's name in a tenant's", async () => {
    const of = async (path: string) => {
      const { entries } = await host.administrator.expect(200, "GET", `${path}?limit=1000`)
      return objects(entries).filter(({ event }) => JSON.stringify(event).includes('"claimRelease"'))
    }
    await expect.poll(async () => (await of("/v1/platform/audit/entries")).length, { timeout: 10_000 }).toBe(5)
    expect(JSON.stringify(await of("/v1/platform/audit/entries"))).toContain('"holder":"acme"')
    const [acme, globex] = await Promise.all(["acme", "globex"].map((each) => of(`/v1/tenants/${each}/audit/entries`)))
    expect(acme).toHaveLength(4)
    expect(globex).toHaveLength(4)
    expect(JSON.stringify(acme)).not.toMatch(/globex|own/)
    expect(JSON.stringify(globex)).not.toMatch(/acme|liar/)
  })

  async function add(tenantId: string, document: object) {
    await host.administrator.send("POST", "/v1/tenants", { body: { tenant_id: tenantId } })
    await host.administrator.expect(201, "POST", `/v1/tenants/${tenantId}/keystores`, document)
  }

  function activate(tenantId: string, keystoreId: string, status: number) {
    return host.administrator.expect(status, "POST", `/v1/tenants/${tenantId}/keystores/${keystoreId}/activate`, {})
  }

  async function claimOf(tenantId: string) {
    const { claims: found } = await host.administrator.expect(200, "GET", claims)
    return objects(found).find((each) => each.tenant_id === tenantId)
  }

  async function claimId(): Promise<string> {
    const { claims: found } = await host.administrator.expect(200, "GET", claims)
    return text(objects(found)[0]?.claim_id)
  }
})
