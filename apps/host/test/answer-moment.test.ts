import { setTimeout as delay } from "node:timers/promises"
import {
  type OpenBaoServer,
  openBaoAvailable,
  type PostgresServer,
  postgresAvailable,
  startOpenBao,
  startPostgres,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { wholeAudit } from "./audit-reading.ts"
import { type HostClient, hostClient } from "./host-client.ts"
import { type HostProcess, startHostProcess } from "./host-process.ts"
import { administratorToken, type TestFolder, testFolder } from "./test-host.ts"
import { object, objects, text } from "./values.ts"
import { waitFor } from "./wait-for.ts"

const available = (await openBaoAvailable()) && (await postgresAvailable())
const leaseMs = 2000
const dataKeys = "/v1/tenants/acme/service-keys/payments/data-keys"
const isAllowed = `
path "transit/encrypt/l1" { capabilities = ["update"] }
path "transit/decrypt/l1" { capabilities = ["update"] }
path "transit/keys/l1" { capabilities = ["read"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
`
const isRevoked = 'path "auth/token/lookup-self" { capabilities = ["read"] }'

describe.skipIf(!available)("a revocation, with a real OpenBao, a real PostgreSQL and a host of its own", () => {
  let bao: OpenBaoServer
  let database: PostgresServer
  let databaseName: string
  let folder: TestFolder
  let host: HostProcess
  let client: HostClient
  beforeAll(async () => {
    ;[bao, database] = await Promise.all([startOpenBao(), startPostgres()])
    await bao.admin.enableTransit("transit")
    await bao.admin.createTransitKey({ mount: "transit", name: "l1" })
    await bao.admin.writePolicy("l1", isAllowed)
    await bao.admin.enableAuth("approle")
    const { roleId, secretId } = await bao.admin.createAppRole({ name: "service", policies: ["l1"] })
    const databaseUrl = await database.createDatabase()
    databaseName = new URL(databaseUrl).pathname.slice(1)
    folder = await testFolder({ openBao: { endpoint: bao.address }, databaseUrl })
    host = await startHostProcess(folder)
    client = hostClient(host.apiUrl, await administratorToken(folder))
    await client.expect(201, "POST", "/v1/tenants", { tenant_id: "acme", lease_ms: leaseMs })
    await client.expect(201, "POST", "/v1/tenants/acme/keystores", {
      plugin_type: "openbao",
      plugin_name: "l1",
      configuration: {
        vault_address: bao.address,
        auth_method: "approle",
        role_id: roleId,
        secret_id: secretId,
        mount_path: "transit",
        key_name: "l1",
      },
    })
    await client.expect(200, "POST", "/v1/tenants/acme/keystores/l1/activate")
    await client.expect(201, "POST", "/v1/tenants/acme/service-keys", { name: "payments" })
  })
  afterAll(async () => {
    host?.kill("SIGKILL")
    await host?.ended
    await folder?.remove()
    await Promise.all([bao?.stop(), database?.stop()])
  })

  const revoke = () => bao.admin.writePolicy("l1", isRevoked)
  const allowAgain = async () => {
    await bao.admin.writePolicy("l1", isAllowed)
    await waitFor("service", async () => {
      const { status } = await client.send("POST", dataKeys, { body: {} })
      return status === 200 ? true : undefined
    })
  }

  it("holds for a host that is stopped, and continued after the bound", async () => {
    for (let round = 0; round < 3; round++) {
      const load = await startLoad(client)
      host.kill("SIGSTOP")
      load.endAtRefusals()
      await revoke()
      await delay(leaseMs)
      const before = load.answered()
      host.kill("SIGCONT")
      await load.ended
      expect(load.answered() - before).toBe(0)
      await allowAgain()
    }
  }, 400_000)

  it("holds while the audit table is locked, and the log says which answers were not given", async () => {
    const load = await startLoad(client)
    const unlock = await database.lockTable(databaseName, "audit_intake")
    load.endAtRefusals()
    await revoke()
    await delay(leaseMs)
    const before = load.answered()
    const refusedBefore = load.refusals().length
    await unlock()
    await load.ended
    expect(load.answered() - before).toBe(0)
    expect(load.refusals().slice(refusedBefore)).toContain("LEASE_ENDED")
    await allowAgain()
    const entries = await wholeAudit(client, "acme")
    const events = new Map(entries.map((entry) => [text(entry.entry_id), object(entry.event)]))
    const refused = [...events.values()].filter(({ code }) => code === "LEASE_ENDED")
    expect(refused.length).toBeGreaterThanOrEqual(load.refusals().filter((code) => code === "LEASE_ENDED").length)
    for (const { action, resource, facts } of refused) {
      const success = events.get(text(object(facts).refused_entry_id))
      expect(success).toMatchObject({ action, resource, outcome: "success" })
    }
  }, 400_000)
})

/** Sends data keys without a pause, single ones and batches; each lane ends at its first refusal after `endAtRefusals`. */
async function startLoad(client: HostClient) {
  const { envelope } = await client.expect(200, "POST", dataKeys, {})
  const operations = [{ generate: {} }, { unwrap: { envelope } }, { rewrap: { envelope } }]
  let answered = 0
  let isEnding = false
  const refusals: string[] = []
  const take = (results: readonly Record<string, unknown>[]) => {
    const problems = results.flatMap(({ problem }) => (problem === undefined ? [] : [text(object(problem).code)]))
    answered += results.length - problems.length
    refusals.push(...problems)
    return problems.length === 0
  }
  const single = async (path: string, body: unknown) => {
    const answer = await client.send("POST", path, { body })
    return take([answer.status === 200 ? answer.body : { problem: answer.body }])
  }
  const batch = async () => {
    const answer = await client.send("POST", `${dataKeys}/batch`, {
      body: { operations: operations.flatMap((operation) => Array.from({ length: 10 }, () => operation)) },
    })
    return take(answer.status === 200 ? objects(answer.body.results) : [{ problem: answer.body }])
  }
  const lane = async (send: () => Promise<boolean>) => {
    while ((await send()) || !isEnding);
  }
  const lanes = Array.from({ length: 6 }, () => [
    lane(() => single(dataKeys, {})),
    lane(() => single(`${dataKeys}/unwrap`, { envelope })),
    lane(() => single(`${dataKeys}/rewrap`, { envelope })),
    lane(batch),
  ])
  await waitFor("load", () => (answered > 200 ? true : undefined), 100_000)
  const endAtRefusals = () => {
    isEnding = true
  }
  return { endAtRefusals, answered: () => answered, refusals: () => refusals, ended: Promise.all(lanes.flat()) }
}
