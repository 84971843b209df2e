import { execFile } from "node:child_process"
import { chown, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { createAuditRecorder } from "@apeiro-cmk/audit-log"
import { type PostgresServer, postgresAvailable, startPostgres } from "@apeiro-cmk/test-backends"
import { tcpFaultProxy } from "@apeiro-cmk/test-contracts"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { openDatabase } from "../src/index.ts"
import { postgresDatabase } from "./support/engines.ts"
import { realClock } from "./support/real-clock.ts"
import { auditEntry, integration, recordedIds, tenant, token } from "./support/samples.ts"

const available = await postgresAvailable()
const run = promisify(execFile)
const soon = { connectMs: 300, statementMs: 400, lockMs: 200, idleInTransactionMs: 300, networkMs: 300 }
const busy = { code: "DATABASE_BUSY", origin: "host", retryable: true }
const unavailable = { code: "DATABASE_UNAVAILABLE", origin: "host", retryable: true }
const uncertain = { code: "DATABASE_COMMIT_UNCERTAIN", origin: "host", retryable: true }

describe.skipIf(!available)("PostgreSQL", () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(async () => server?.stop())
  const nameOf = (url: string) => new URL(url).pathname.slice(1)

  it("may stop and start again: requests are refused until then, and work afterwards without a restart of the host", async () => {
    const { open } = await postgresDatabase(server)
    const database = await open({ times: soon })
    const recorder = createAuditRecorder({ intake: database.auditIntake, clock: realClock, replica: "host-1" })
    const event = {
      tenantId: "acme",
      actor: { type: "token", id: "t" },
      action: "dataKeyGenerate",
      resource: { type: "serviceKey", id: "key" },
      outcome: "success",
    } as const
    await recorder.record(event)
    await server.halt()
    await expect(database.ping()).rejects.toMatchObject(unavailable)
    await expect(database.tenants.insertTenant(tenant(), [])).rejects.toMatchObject(unavailable)
    await expect(recorder.record(event)).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" })
    await server.start()
    await expect(database.ping()).resolves.toBeUndefined()
    await recorder.record(event)
    expect(await recordedIds(database, "acme")).toHaveLength(2)
  })

  it("may stop and start again under a worker, which then continues", async () => {
    const { open } = await postgresDatabase(server)
    const failures: unknown[] = []
    const database = await open({ jobs: { pollMs: 500, onError: (error) => failures.push(error) } })
    const { promise: done, resolve } = Promise.withResolvers<number>()
    const { promise: looked, resolve: look } = Promise.withResolvers<void>()
    await database.jobs.work("waiting", async ({ attempt, payload }) => {
      if (payload === "first") look()
      else resolve(attempt)
    })
    await database.jobs.enqueue("waiting", "first")
    await looked
    await server.halt()
    await expect(database.jobs.enqueue("waiting", "second")).rejects.toMatchObject(unavailable)
    await expect.poll(() => failures.length, { timeout: 10_000 }).toBeGreaterThan(0)
    await server.start()
    await database.jobs.enqueue("waiting", "second")
    expect(await done).toBe(1)
  })

  it("may end every connection during the work: each operation is done or refused, none half done", async () => {
    const { url, open } = await postgresDatabase(server)
    const database = await open()
    const ids = Array.from({ length: 60 }, (_none, number) => `tenant-${number}`)
    const entries = ids.map(() => auditEntry())
    const writes = Promise.allSettled(
      ids.map((tenantId, index) =>
        database.tenants.insertTenant(tenant({ tenantId }), entries.slice(index, index + 1)),
      ),
    )
    await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(url)}'`)
    const outcomes = await writes
    // New connections: some of the old ones may notice only now that they were ended.
    const reader = await open()
    const stored = (await reader.tenants.tenants({ limit: 100 })).map(({ tenantId }) => tenantId)
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "fulfilled") expect(stored).toContain(ids[index])
      else expect([unavailable.code, uncertain.code]).toContain(outcome.reason.code)
    }
    expect(await recordedIds(reader, "acme")).toHaveLength(stored.length)
  })

  it("makes no caller wait for a lock, a statement or a connection longer than configured", async () => {
    const { url, open } = await postgresDatabase(server)
    const database = await open({ times: soon, maximumConnections: 2 })
    const release = await server.lockTable(nameOf(url), "tenants")
    const reads = await Promise.allSettled(Array.from({ length: 6 }, () => database.tenants.tenants({ limit: 100 })))
    const messages = reads.map((read) => {
      expect(read).toMatchObject({ status: "rejected", reason: busy })
      return read.status === "rejected" ? read.reason.message : ""
    })
    expect(messages).toContain("A record stayed locked for too long.")
    await release()
    expect(await database.tenants.tenants({ limit: 100 })).toEqual([])
  })

  it("reports when all connections are in use", async () => {
    const { url, open } = await postgresDatabase(server)
    const database = await open({ times: { ...soon, lockMs: 5000, statementMs: 5000 }, maximumConnections: 1 })
    const release = await server.lockTable(nameOf(url), "tenants")
    const [first, second] = [database.tenants.tenants({ limit: 100 }), database.tenants.tenants({ limit: 100 })]
    await expect(second).rejects.toMatchObject({ ...busy, message: expect.stringContaining("connections") })
    await release()
    await expect(first).resolves.toEqual([])
  })

  it("is given up when it falls silent, and the connection is not used again", async () => {
    const { url } = await postgresDatabase(server)
    const proxy = await tcpFaultProxy({ target: { host: server.host, port: server.port } })
    onTestFinished(() => proxy.close())
    const throughProxy = new URL(url)
    throughProxy.port = String(proxy.port)
    const database = await openDatabase({ url: throughProxy.href, times: soon, maximumConnections: 1 })
    onTestFinished(() => database.close())
    await database.ping()
    await proxy.setMode("blackHole")
    await expect(database.ping()).rejects.toMatchObject({
      ...unavailable,
      message: "The database server does not answer.",
    })
    await expect(database.ping()).rejects.toMatchObject(unavailable)
    await proxy.setMode("pass")
    await expect(database.ping()).resolves.toBeUndefined()
  })

  it("uses a changed password for new connections, without a restart", async () => {
    const { url, open } = await postgresDatabase(server)
    let password = new URL(url).password
    const database = await open({ readPassword: async () => password })
    await server.sql(`alter role ${nameOf(url)} password 'CANARY-new'`)
    await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(url)}'`)
    const refused = { code: "DATABASE_ACCESS_DENIED", nextStep: expect.stringMatching(/persistence\.password/) }
    await expect.poll(() => database.ping().catch((error: unknown) => error)).toMatchObject(refused)
    password = "CANARY-new"
    await expect(database.ping()).resolves.toBeUndefined()
  })

  it("is reported as read-only when it accepts no changes, and reads continue", async () => {
    const { url, open } = await postgresDatabase(server)
    await (await open()).close()
    await server.sql(`alter role ${nameOf(url)} set default_transaction_read_only = on`)
    const database = await open()
    await expect(database.auditIntake.append([auditEntry()])).rejects.toMatchObject({
      code: "DATABASE_READ_ONLY",
      origin: "host",
      nextStep: expect.stringMatching(/primary/),
    })
    expect(await database.tenants.tenants({ limit: 100 })).toEqual([])
  })

  it("reveals no stored value in an error", async () => {
    const { open } = await postgresDatabase(server)
    const database = await open()
    await database.tenants.insertTenant(tenant(), [])
    const record = token({ tokenId: "CANARY-token" })
    await database.tokens.insertToken(record, [])
    const errors = await Promise.all([
      database.tokens.insertToken(record, []).catch((error: unknown) => error),
      database.tokens.insertToken(token({ tenantId: "CANARY\0" }), []).catch((error: unknown) => error),
    ])
    expect(errors).toMatchObject([{ code: "ALREADY_EXISTS" }, { code: "DATABASE_FAULT" }])
    for (const error of errors) {
      if (!(error instanceof Error)) throw new Error("expected to be refused")
      const { cause } = error
      const said = [error.stack, JSON.stringify(error), cause instanceof Error ? cause.stack : ""]
      expect(said.join("\n")).not.toContain("CANARY-")
    }
  })

  it("rejects a sequencer that was overtaken by another host, even during a race", async () => {
    const { open } = await postgresDatabase(server)
    const [one, other] = [await open(), await open()]
    const entries = Array.from({ length: 200 }, () => auditEntry())
    await one.auditIntake.append(entries)
    const paused = await one.auditLog.takeFence("one")
    const taken = await other.auditLog.takeFence("other")
    const moves = await Promise.all([
      one.auditLog.integrate(paused, 50, integration),
      other.auditLog.integrate(taken, 50, integration),
      one.auditLog.integrate(paused, 50, integration),
    ])
    expect(moves).toEqual([undefined, 50, undefined])
    expect(await recordedIds(one, "acme")).toEqual(entries.map(({ entryId }) => entryId))
  })

  it("reports a full disk as DATABASE_FULL, keeps all answered writes, and continues when there is space", async (context) => {
    if (process.platform !== "linux" || process.getuid?.() !== 0)
      context.skip("only root on Linux can mount a file system")
    const folder = join(server.folder, "full")
    await mkdir(folder)
    try {
      await run("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", folder])
    } catch (error) {
      context.skip(`the mount was refused: ${String(error)}`)
    }
    const space = join(folder, "space")
    await mkdir(space)
    await chown(space, 65_534, 65_534)
    await server.sql(`create tablespace small location '${space}'`)
    const { url, open } = await postgresDatabase(server)
    onTestFinished(async () => {
      await server.sql(`drop database ${nameOf(url)} with (force)`)
      await server.sql("drop tablespace small")
      await run("umount", ["--lazy", folder])
    })
    await server.sql(`alter database ${nameOf(url)} set tablespace small`)
    const database = await open()
    const answered: string[] = []
    const leaf = Uint8Array.from({ length: 200_000 }, () => Math.floor(Math.random() * 256))
    const fill = async () => {
      for (;;) {
        const entry = auditEntry({ leaf })
        await database.auditIntake.append([entry])
        answered.push(entry.entryId)
      }
    }
    await expect(fill()).rejects.toMatchObject({
      code: "DATABASE_FULL",
      retryable: true,
      nextStep: expect.stringMatching(/Free space/),
    })
    expect(answered.length).toBeGreaterThan(3)
    await expect(database.ping()).resolves.toBeUndefined()
    await run("mount", ["-o", "remount,size=200m", folder])
    expect(await recordedIds(database, "acme")).toEqual(answered)
  })
})
