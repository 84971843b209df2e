/**
 * Writes the data of the present version as a fixture: fills a host on SQLite and one on PostgreSQL, and copies what they
 * stored. Usage: `node apps/host/test/earlier-data/write.ts FOLDER PG_DUMP`. FOLDER must not exist yet; PG_DUMP is a
 * `pg_dump` of PostgreSQL 18 or newer.
 */
import { execFile } from "node:child_process"
import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { startPostgres } from "@apeiro-cmk/test-backends"
import type { TestFolder } from "../test-host.ts"
import { fill } from "./fill.ts"
import { folderWithOpenBao } from "./folder.ts"
import { type RefusingOpenBao, startRefusingOpenBao } from "./refusing-openbao.ts"

const [target, pgDump] = process.argv.slice(2)
if (target === undefined || pgDump === undefined) throw new Error("usage: write.ts FOLDER PG_DUMP")

await mkdir(target)
const openBao = await startRefusingOpenBao()
await writeSqlite(join(target, "sqlite"), openBao)
await writePostgres(join(target, "postgresql"), openBao, pgDump)
await openBao.close()

async function writeSqlite(fixture: string, openBao: RefusingOpenBao): Promise<void> {
  await writeFixture(fixture, await folderWithOpenBao(openBao, undefined))
}

async function writePostgres(fixture: string, openBao: RefusingOpenBao, dumpProgram: string): Promise<void> {
  const server = await startPostgres()
  try {
    const databaseUrl = await server.createDatabase()
    await writeFixture(fixture, await folderWithOpenBao(openBao, databaseUrl))
    // The test restores the dump without psql, which COPY would need.
    const options = ["--inserts", "--rows-per-insert=50", "--no-owner", "--no-privileges", "--no-comments"]
    const { stdout } = await promisify(execFile)(dumpProgram, [...options, databaseUrl], { maxBuffer: 2 ** 26 })
    await writeFile(join(fixture, "dump.sql"), portable(stdout))
  } finally {
    await server.stop()
  }
}

async function writeFixture(fixture: string, folder: TestFolder): Promise<void> {
  try {
    const files = await fill(folder)
    await mkdir(join(fixture, "data"), { recursive: true })
    for (const [name, text] of files) await writeFile(join(fixture, name), text)
    for (const name of await readdir(folder.dataDirectory)) {
      await copyFile(join(folder.dataDirectory, name), join(fixture, "data", name))
    }
  } finally {
    await folder.remove()
  }
}

/** Removes comments, commands of psql, and a setting that servers before version 17 do not know. */
function portable(dump: string): string {
  const lines = dump.split("\n").filter((line) => !/^(--.*|\\(un)?restrict .*|SET transaction_timeout .*)$/.test(line))
  return lines
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trimStart()
}
