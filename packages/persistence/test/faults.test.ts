import { execFile } from "node:child_process"
import { chmod, chown, mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { describe, expect, it, onTestFinished } from "vitest"
import * as z from "zod"
import { openDatabase } from "../src/index.ts"
import { firstLine, startChild } from "./support/child.ts"
import { auditEntry, keystore, recordedIds, tenant } from "./support/samples.ts"
import { sqliteUrl, temporaryDatabase, temporaryFolder } from "./support/temporary-database.ts"

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0

/** A leaf large enough to fill several pages. */
const largeLeaf = new Uint8Array(20_000).fill(1)

/** Mounts a memory file system for this test. @returns the reason if it cannot */
async function mountMemory(folder: string, sizeKiB: number): Promise<string | undefined> {
  if (process.platform !== "linux" || !isRoot) return "only root on Linux can mount a file system"
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${sizeKiB}k`, "tmpfs", folder])
  } catch (error) {
    return `the mount was refused: ${String(error)}`
  }
  onTestFinished(async () => {
    await run("umount", ["--lazy", folder])
  })
  return undefined
}

const childError = z.object({
  code: z.string().optional(),
  origin: z.string().optional(),
  retryable: z.boolean().optional(),
  nextStep: z.string().optional(),
  message: z.string().optional(),
})

/** Opens a database in a second process. @returns the error */
async function errorOfChild(path: string, ...rights: readonly "unprivileged"[]): Promise<z.output<typeof childError>> {
  const line = await firstLine(startChild("try-open.ts", sqliteUrl(path), ...rights))
  return childError.parse(JSON.parse(line))
}

/** Opens a database in a second process without root privileges. @returns the error */
async function errorAsNobody(path: string): Promise<z.output<typeof childError>> {
  return errorOfChild(path, "unprivileged")
}

describe("a second host on the same file", () => {
  it("is refused with the name of the file, even while the first one writes, and works once the first one has ended", async () => {
    const { path, open } = await temporaryDatabase()
    await (await open()).close()
    const child = startChild("hold-database.ts", sqliteUrl(path))
    expect(await firstLine(child)).toBe("open")
    await expect(open()).rejects.toMatchObject({
      code: "DATABASE_IN_USE",
      origin: "host",
      retryable: true,
      message: `Another host is using the database. (${path})`,
      nextStep: expect.stringMatching(/Stop the other host/),
    })
    child.process.stdin.end()
    await child.closed
    await expect((await open()).ping()).resolves.toBeUndefined()
  })

  it("finds the lock of the first one intact after this process has tried to open the file twice", async () => {
    const { path, open } = await temporaryDatabase()
    const database = await open()
    await expect(open()).rejects.toMatchObject({ code: "DATABASE_IN_USE" })
    expect(await errorOfChild(path)).toMatchObject({ code: "DATABASE_IN_USE" })
    await database.tenants.insertTenant(tenant(), [])
  })

  it("gets the file as soon as the first one is killed", async () => {
    const { path, open } = await temporaryDatabase()
    const child = startChild("hold-database.ts", sqliteUrl(path))
    await firstLine(child)
    child.process.kill("SIGKILL")
    await child.closed
    await expect((await open()).ping()).resolves.toBeUndefined()
  })
})

describe("a full disk", () => {
  it("is reported as DATABASE_FULL, leaves no half-done change, and reads continue", async () => {
    const { open } = await temporaryDatabase()
    const setUp = await open()
    await setUp.tenants.insertTenant(tenant(), [])
    await setUp.close()
    const database = await open({ testing: { maxPageCount: 60 } })
    const insertion = () =>
      database.keystores.insertKeystore(
        keystore({ credentials: [] }),
        [],
        [auditEntry({ leaf: new Uint8Array(400_000) })],
      )
    await expect(insertion()).rejects.toMatchObject({
      code: "DATABASE_FULL",
      origin: "host",
      retryable: true,
      nextStep: expect.stringMatching(/Free space/),
    })
    expect(await database.keystores.keystores("acme", { limit: 100 })).toEqual([])
    await database.keystores.insertKeystore(keystore({ credentials: [] }), [], [])
    expect(await database.keystores.keystores("acme", { limit: 100 })).toHaveLength(1)
  })

  it("while the schema is being created leaves no half-made schema", async () => {
    const { open } = await temporaryDatabase()
    await expect(open({ testing: { maxPageCount: 12 } })).rejects.toMatchObject({ code: "DATABASE_FULL" })
    const database = await open()
    await database.tenants.insertTenant(tenant(), [auditEntry()])
    expect(await database.tenants.tenants({ limit: 100 })).toEqual([tenant()])
  })

  it("is reported on a real file system, keeps all answered writes, and ends when there is space", async (context) => {
    const folder = await temporaryFolder()
    const refusal = await mountMemory(folder, 2048)
    if (refusal !== undefined) context.skip(refusal)
    const database = await openDatabase({ url: sqliteUrl(join(folder, "host.sqlite")) })
    onTestFinished(() => database.close())
    await writeFile(join(folder, "ballast"), new Uint8Array(800_000))

    const answered: string[] = []
    const fill = async () => {
      for (;;) {
        const entry = auditEntry({ leaf: largeLeaf })
        await database.auditIntake.append([entry])
        answered.push(entry.entryId)
      }
    }
    await expect(fill()).rejects.toMatchObject({ code: "DATABASE_FULL", message: "The disk of the database is full." })
    expect(answered.length).toBeGreaterThan(5)
    await expect(database.auditIntake.append([auditEntry({ leaf: largeLeaf })])).rejects.toMatchObject({
      code: "DATABASE_FULL",
    })
    await expect(database.ping()).resolves.toBeUndefined()

    await run("mount", ["-o", "remount,size=16m", folder])
    expect(await recordedIds(database, "acme")).toEqual(answered)
  })

  it("met by many transactions at once refuses some, keeps the others, and never one that it has refused", async (context) => {
    const folder = await temporaryFolder()
    const refusal = await mountMemory(folder, 2048)
    if (refusal !== undefined) context.skip(refusal)
    const database = await openDatabase({ url: sqliteUrl(join(folder, "host.sqlite")) })
    onTestFinished(() => database.close())
    await writeFile(join(folder, "ballast"), new Uint8Array(600_000))
    const ids = Array.from({ length: 120 }, (_, index) => `tenant-${index}`)
    const insert = (tenantId: string, index: number) =>
      database.tenants.insertTenant(tenant({ tenantId }), index % 3 === 0 ? [auditEntry({ leaf: largeLeaf })] : [])
    const outcomes = await Promise.allSettled(ids.map(insert))
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "DATABASE_FULL" })
    }
    const kept = ids.filter((_, index) => outcomes[index]?.status === "fulfilled")
    expect(kept.length).toBeLessThan(ids.length)
    expect((await database.tenants.tenants({ limit: 500 })).map(({ tenantId }) => tenantId).toSorted()).toEqual(
      kept.toSorted(),
    )
    await run("mount", ["-o", "remount,size=16m", folder])
    await database.tenants.insertTenant(tenant({ tenantId: "later" }), [])
  })

  it("is reported when the database should be created on it", async (context) => {
    const folder = await temporaryFolder()
    const refusal = await mountMemory(folder, 64)
    if (refusal !== undefined) context.skip(refusal)
    await writeFile(join(folder, "ballast"), new Uint8Array(60_000))
    await expect(openDatabase({ url: sqliteUrl(join(folder, "host.sqlite")) })).rejects.toMatchObject({
      code: "DATABASE_FULL",
    })
  })
})

describe("a read-only place", () => {
  const expected = { code: "DATABASE_READ_ONLY", origin: "host", retryable: false }

  it("is reported when the folder of an existing database cannot be written", async () => {
    const { path, open } = await temporaryDatabase()
    await (await open()).close()
    if (isRoot) await chown(path, 65534, 65534)
    await makeReadable(dirname(path))
    const error = await errorAsNobody(path)
    expect(error).toMatchObject(expected)
    expect(error.message).toContain(dirname(path))
    expect(error.nextStep).toMatch(/writable/)
  })

  it("is reported when the file cannot be written", async () => {
    const { path, open } = await temporaryDatabase()
    await (await open()).close()
    await chmod(path, 0o400)
    if (isRoot) await chown(path, 65534, 65534)
    await chmod(dirname(dirname(path)), 0o777)
    await chmod(dirname(path), 0o777)
    const error = await errorAsNobody(path)
    expect(error).toMatchObject(expected)
    expect(error.message).toContain(path)
  })

  it("is reported when neither the database nor its folder can be created", async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, "data"))
    await makeReadable(join(folder, "data"))
    expect(await errorAsNobody(join(folder, "data", "host.sqlite"))).toMatchObject(expected)
    expect(await errorAsNobody(join(folder, "data", "deeper", "host.sqlite"))).toMatchObject(expected)
  })

  it("is reported on a read-only file system", async (context) => {
    const folder = await temporaryFolder()
    const refusal = await mountMemory(folder, 4096)
    if (refusal !== undefined) context.skip(refusal)
    const url = sqliteUrl(join(folder, "host.sqlite"))
    await (await openDatabase({ url })).close()
    await run("mount", ["-o", "remount,ro", folder])
    await expect(openDatabase({ url })).rejects.toMatchObject(expected)
  })

  /** Lets every user enter and none write, including the folder above if the test made it. */
  async function makeReadable(folder: string): Promise<void> {
    await chmod(dirname(folder), 0o755)
    await chmod(folder, 0o555)
    onTestFinished(() => chmod(folder, 0o755))
  }
})

describe("a writer that stalls", () => {
  it("leaves the event loop of the main thread free, and then carries out all requests in order", async () => {
    const { open } = await temporaryDatabase()
    const database = await open({ testing: {} })
    const resume = await database.testing?.stallWriter()
    const entries = [auditEntry(), auditEntry(), auditEntry()]
    let answered = 0
    const writes = entries.map(async (entry) => {
      await database.auditIntake.append([entry])
      answered += 1
    })
    // Another database is opened, written and read meanwhile: the loop turns, and nothing is answered here.
    const other = await (await temporaryDatabase()).open()
    await other.tenants.insertTenant(tenant(), [auditEntry()])
    expect(await other.tenants.tenants({ limit: 100 })).toEqual([tenant()])
    expect(answered).toBe(0)
    resume?.()
    await Promise.all(writes)
    expect(await recordedIds(database, "acme")).toEqual(entries.map(({ entryId }) => entryId))
  })

  it("makes a close wait", async () => {
    const { open } = await temporaryDatabase()
    const database = await open({ testing: {} })
    const resume = await database.testing?.stallWriter()
    const write = database.auditIntake.append([auditEntry()])
    const closing = database.close()
    resume?.()
    await expect(Promise.all([write, closing])).resolves.toBeDefined()
  })
})

describe("a writer that dies", () => {
  it("rejects waiting and later requests, and loses nothing that was answered", async () => {
    const { open } = await temporaryDatabase()
    const database = await open({ testing: {} })
    const entry = auditEntry()
    await database.auditIntake.append([entry])
    await database.testing?.stallWriter()
    const waiting = database.tenants.insertTenant(tenant(), [auditEntry()])
    const refused = expect(waiting).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      origin: "host",
      retryable: true,
    })
    await database.testing?.killWriter()
    await refused
    await expect(database.ping()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" })
    await database.close()

    const again = await open()
    expect(await again.tenants.tenants({ limit: 100 })).toEqual([])
    expect(await recordedIds(again, "acme")).toEqual([entry.entryId])
  })

  it("exists only on request: without `testing` there are no faults on demand", async () => {
    const { open } = await temporaryDatabase()
    expect((await open()).testing).toBeUndefined()
  })
})
