import { execFile } from "node:child_process"
import { mkdir, open, rm } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { postgresAvailable, startPostgres } from "@apeiro-cmk/test-backends"
import { describe, expect, it, onTestFinished } from "vitest"
import { tenantWithKeys } from "./fixtures.ts"
import { startTestHost, type TestHost, testFolder } from "./test-host.ts"
import { waitFor } from "./wait-for.ts"

const run = promisify(execFile)
const hasPostgres = await postgresAvailable()

const ready = (host: TestHost) => host.client().send("GET", "/readyz")

/** Waits until the last trial that succeeded is no longer believed. */
const notReady = (host: TestHost) =>
  waitFor("a host that is not ready", async () => {
    const answer = await ready(host)
    return answer.status === 503 ? answer : undefined
  })

describe("a host", () => {
  it("is not ready on a full disk although it answers reads, names no path, and is ready again once there is space", async (context) => {
    const folder = await testFolder()
    onTestFinished(() => folder.remove())
    const refusal = await mountMemory(folder.dataDirectory, 8192)
    if (refusal !== undefined) context.skip(refusal)
    const host = await startTestHost({}, folder)
    onTestFinished(() => host.stop())
    const path = await tenantWithKeys(host, "acme")
    expect((await ready(host)).status).toBe(200)
    const ballast = join(folder.dataDirectory, "ballast")
    await fillDisk(ballast)
    const { body } = await notReady(host)
    expect(body).toMatchObject({ not_ready: [{ reason: "The database does not work: DATABASE_FULL." }] })
    const refused = await host.administrator.send("POST", path, { body: {} })
    expect(refused.status).toBe(503)
    const created = await host.administrator.send("POST", "/v1/tenants", { body: { tenant_id: "later" } })
    expect(created).toMatchObject({ status: 503, body: { code: "DATABASE_FULL", retryable: true } })
    expect(JSON.stringify([body, refused.body, created.body])).not.toMatch(/host\.sqlite|\/tmp/)
    await host.administrator.expect(200, "GET", "/v1/tenants")

    await rm(ballast)
    await waitFor("ready", async () => ((await ready(host)).status === 200 ? true : undefined))
    await host.administrator.expect(200, "POST", path, {})
  })

  it.skipIf(!hasPostgres)("is not ready on a PostgreSQL that takes no changes, and names no server", async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    const databaseUrl = await server.createDatabase()
    const { username, hostname, port } = new URL(databaseUrl)
    const host = await startTestHost({}, { databaseUrl })
    onTestFinished(() => host[Symbol.asyncDispose]())
    expect((await ready(host)).status).toBe(200)
    const database = new URL(databaseUrl).pathname.slice(1)
    const reconnect = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`
    await server.sql(`alter role ${username} set default_transaction_read_only = on`)
    await server.sql(reconnect)
    const { body } = await waitFor("a read-only database", async () => {
      const answer = await ready(host)
      return JSON.stringify(answer.body).includes("DATABASE_READ_ONLY") ? answer : undefined
    })
    expect(JSON.stringify(body)).not.toMatch(new RegExp(`${hostname}|${port}|${username}`))
    await server.sql(`alter role ${username} reset default_transaction_read_only`)
    await server.sql(reconnect)
    await waitFor("ready", async () => ((await ready(host)).status === 200 ? true : undefined))
  })
})

/** Mounts a memory file system for this test. @returns the reason if it cannot */
async function mountMemory(folder: string, sizeKiB: number): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root on Linux can mount a file system"
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${sizeKiB}k,mode=0700`, "tmpfs", folder])
  } catch (error) {
    return `the mount was refused: ${String(error)}`
  }
  onTestFinished(async () => {
    await run("umount", ["--lazy", folder])
  })
  return undefined
}

/** Writes until there is no space left. */
async function fillDisk(file: string): Promise<void> {
  const handle = await open(file, "w")
  try {
    for (;;) await handle.write(new Uint8Array(4096))
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error
  } finally {
    await handle.close()
  }
}
