import { chmod, copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import type { PostgresServer } from "@apeiro-cmk/test-backends"
import type { TestFolder } from "../test-host.ts"
import { folderWithOpenBao } from "./folder.ts"
import type { RefusingOpenBao } from "./refusing-openbao.ts"

/** Copies a fixture for a host to open, which migrates it: the folder with mode 0700, its files with 0600. */
export async function copyOfFixture(
  fixture: string,
  openBao: RefusingOpenBao,
  server: PostgresServer | undefined,
): Promise<TestFolder> {
  const folder = await folderWithOpenBao(openBao, await restoredDatabase(fixture, server))
  await mkdir(folder.dataDirectory, { recursive: true })
  await chmod(folder.dataDirectory, 0o700)
  for (const name of await readdir(join(fixture, "data"))) {
    const copy = join(folder.dataDirectory, name)
    await rm(copy, { force: true })
    await copyFile(join(fixture, "data", name), copy)
    await chmod(copy, 0o600)
  }
  return folder
}

async function restoredDatabase(fixture: string, server: PostgresServer | undefined): Promise<string | undefined> {
  if (server === undefined) return undefined
  const databaseUrl = await server.createDatabase()
  const { username, pathname } = new URL(databaseUrl)
  const dump = await readFile(join(fixture, "dump.sql"), "utf8")
  // The owner of the database owns its tables.
  await server.sql(`set session authorization "${username}"; ${dump}`, pathname.slice(1))
  return databaseUrl
}

/** A clock that starts a minute after the data was written, when its tokens are still valid. */
export function clockAfter(writtenAt: string): Clock {
  const offsetMs = Date.parse(writtenAt) + 60_000 - systemClock.nowMs()
  return { ...systemClock, nowMs: () => systemClock.nowMs() + offsetMs }
}
