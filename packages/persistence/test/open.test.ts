import { chmod, mkdir, open as openFile, stat, truncate, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, expect, it } from "vitest"
import { openDatabase } from "../src/index.ts"
import { auditEntry, tenant } from "./support/samples.ts"
import { sqliteUrl, temporaryDatabase } from "./support/temporary-database.ts"

async function permissions(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

/** Reads the schema by a second route, past the code under test. */
function schemaOf(path: string): unknown[] {
  const file = new DatabaseSync(path, { readOnly: true })
  try {
    return file.prepare("select type, name, sql from sqlite_master order by name").all()
  } finally {
    file.close()
  }
}

describe("opening a database", () => {
  it("creates the folder, the file and its log for their owner alone", async () => {
    const { path, open } = await temporaryDatabase()
    const database = await open()
    await database.tenants.insertTenant(tenant(), [auditEntry()])
    expect(await permissions(dirname(path))).toBe("700")
    expect(await permissions(path)).toBe("600")
    expect(await permissions(`${path}-wal`)).toBe("600")
  })

  it("removes the permissions of group and others from an existing file", async () => {
    const { path, open } = await temporaryDatabase()
    await (await open()).close()
    await chmod(path, 0o644)
    await open()
    expect(await permissions(path)).toBe("600")
  })

  it("keeps data and schema when it is opened again", async () => {
    const { path, open } = await temporaryDatabase()
    const first = await open()
    await first.tenants.insertTenant(tenant(), [])
    await first.close()
    const schema = schemaOf(path)
    const second = await open()
    expect(await second.tenants.tenants({ limit: 100 })).toEqual([tenant()])
    await second.close()
    expect(schemaOf(path)).toEqual(schema)
  })

  it("answers a ping while it is open", async () => {
    const { open } = await temporaryDatabase()
    await expect((await open()).ping()).resolves.toBeUndefined()
  })

  it("refuses a schema made by a newer version, and leaves it untouched", async () => {
    const { path, open } = await temporaryDatabase()
    await (await open()).close()
    const file = new DatabaseSync(path)
    file.exec("insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '2099-01-01')")
    file.close()
    const schema = schemaOf(path)
    await expect(open()).rejects.toMatchObject({
      code: "SCHEMA_NEWER",
      origin: "host",
      retryable: false,
      message: expect.stringContaining("9999-from-the-future"),
    })
    expect(schemaOf(path)).toEqual(schema)
  })

  it("refuses another program's database, and leaves it untouched", async () => {
    const { path, open } = await temporaryDatabase()
    await mkdir(dirname(path))
    const file = new DatabaseSync(path)
    file.exec("create table invoices (number integer)")
    file.close()
    await expect(open()).rejects.toMatchObject({ code: "DATABASE_CORRUPT", message: expect.stringContaining(path) })
    expect(schemaOf(path)).toHaveLength(1)
  })

  it("refuses a file that is not a database", async () => {
    const { path, open } = await temporaryDatabase()
    await mkdir(dirname(path))
    await writeFile(path, "mode: production\nlisteners:\n".repeat(100))
    await expect(open()).rejects.toMatchObject({
      code: "DATABASE_CORRUPT",
      origin: "host",
      retryable: false,
      message: expect.stringContaining(path),
      nextStep: expect.stringMatching(/backup/),
    })
  })

  it("refuses a folder instead of the file, and leaves its permissions untouched", async () => {
    const { path, open } = await temporaryDatabase()
    await mkdir(path, { recursive: true, mode: 0o755 })
    await expect(open()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE", message: `${path} is not a file.` })
    expect(await permissions(path)).toBe("755")
  })

  it("refuses a damaged database", async () => {
    const { path, open } = await temporaryDatabase()
    const database = await open()
    await database.auditIntake.append(Array.from({ length: 500 }, () => auditEntry()))
    await database.close()
    await truncate(path, Math.floor((await stat(path)).size / 2))
    const file = await openFile(path, "r+")
    await file.write(Buffer.alloc(4096, 0xff), 0, 4096, 4096)
    await file.close()
    await expect(open()).rejects.toMatchObject({ code: "DATABASE_CORRUPT" })
  })

  it.each([
    ["a relative path", "sqlite://data/secret.sqlite"],
    ["another database", "mysql://user:secret@database.example/cmk"],
    ["a folder", "sqlite:///data/secret/"],
    ["options", "sqlite:///data/secret.sqlite?mode=ro"],
    ["an escaped slash", "sqlite:///data%2Fsecret.sqlite"],
    ["nothing", ""],
  ])("refuses a URL with %s, without repeating it", async (_what, url) => {
    const opening = openDatabase({ url })
    await expect(opening).rejects.toMatchObject({ code: "DATABASE_URL_INVALID", origin: "host" })
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining("secret") })
  })

  it("understands a percent-encoded path", async () => {
    const { folder } = await temporaryDatabase()
    const path = `${folder}/a folder/ünï#1.sqlite`
    await (await openDatabase({ url: sqliteUrl(path) })).close()
    expect(await permissions(path)).toBe("600")
  })
})

describe("numbers", () => {
  it("are never rounded: a stored number outside the safe range is an error", async () => {
    const { path, open } = await temporaryDatabase()
    const database = await open()
    await database.tenants.insertTenant(tenant(), [])
    await database.close()
    const file = new DatabaseSync(path)
    file.exec("update tenants set epoch = 9007199254740993")
    file.close()
    await expect((await open()).tenants.tenant("acme")).rejects.toMatchObject({ code: "DATABASE_FAULT" })
  })
})
