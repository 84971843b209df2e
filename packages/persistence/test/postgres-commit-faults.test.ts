import { type PostgresServer, postgresAvailable, startPostgres } from "@apeiro-cmk/test-backends"
import { tcpFaultProxy } from "@apeiro-cmk/test-contracts"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { openDatabase } from "../src/index.ts"
import { postgresDatabase } from "./support/engines.ts"
import { auditEntry, tenant } from "./support/samples.ts"

const soon = { connectMs: 300, lockMs: 200, idleInTransactionMs: 300, networkMs: 300 }
const uncertain = { code: "DATABASE_COMMIT_UNCERTAIN", origin: "host", retryable: true }

describe.skipIf(!(await postgresAvailable()))("PostgreSQL", () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(async () => server?.stop())
  const nameOf = (url: string) => new URL(url).pathname.slice(1)

  it("that falls silent at a COMMIT leaves it uncertain, says so, and may have stored it", async () => {
    const { url, open } = await postgresDatabase(server)
    await (await open()).close()
    const proxy = await tcpFaultProxy({ target: { host: server.host, port: server.port } })
    onTestFinished(() => proxy.close())
    const throughProxy = new URL(url)
    throughProxy.port = String(proxy.port)
    const database = await openDatabase({ url: throughProxy.href, times: { ...soon, statementMs: 1500 } })
    onTestFinished(() => database.close())
    await server.sql(
      `create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return null; end $$;
       create constraint trigger slow after insert on tenants deferrable initially deferred
       for each row execute function slow()`,
      nameOf(url),
    )
    const change = database.tenants.insertTenant(tenant(), [auditEntry()])
    const refused = expect(change).rejects.toMatchObject(uncertain)
    const committing = `select 1 from pg_stat_activity where datname = '${nameOf(url)}' and query = 'commit' and state = 'active'`
    while ((await server.sql(committing)).length === 0);
    await proxy.setMode("blackHole")
    await refused
    await expect.poll(async () => (await open()).tenants.tenants({ limit: 500 })).toHaveLength(1)
  })

  it("that fails many COMMITs undoes each of them and nothing else", async () => {
    const { url, open } = await postgresDatabase(server)
    await (await open()).close()
    await server.sql(
      `create function refuse() returns trigger language plpgsql as $$ begin
         if new.tenant_id like 'doomed-%' then raise exception using errcode = '53100'; end if; return null; end $$;
       create constraint trigger refuse after insert on tenants deferrable initially deferred
       for each row execute function refuse()`,
      nameOf(url),
    )
    const database = await open()
    const ids = Array.from({ length: 40 }, (_none, number) => `${number % 2 === 0 ? "doomed" : "sound"}-${number}`)
    const outcomes = await Promise.allSettled(
      ids.map((tenantId) => database.tenants.insertTenant(tenant({ tenantId }), [])),
    )
    for (const [index, outcome] of outcomes.entries()) {
      if (ids[index]?.startsWith("sound")) expect(outcome).toMatchObject({ status: "fulfilled" })
      else expect(outcome).toMatchObject({ status: "rejected", reason: { code: "DATABASE_FULL", retryable: true } })
    }
    expect(await database.tenants.tenants({ limit: 500 })).toHaveLength(20)
  })
})
