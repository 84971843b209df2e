import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, open, readFile, rm, stat } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { pipeline } from "node:stream/promises"
import { setTimeout as delay } from "node:timers/promises"

const lockPollMs = 200

/** The folder of one backend in the user's cache: outside the repository, so that a fresh clone finds it. */
export function backendFolder(nameAndVersion: string): string {
  const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), ".cache")
  return join(cacheHome, "apeiro-cmk", "backends", nameAndVersion)
}

/** SHA-256 of a file in hexadecimal; `undefined` where there is no file. */
export async function fileSha256(path: string): Promise<string | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw error
  })
  if (found === undefined) return undefined
  const hash = createHash("sha256")
  await pipeline(createReadStream(path), hash)
  return hash.digest("hex")
}

/** Writes one line of progress to standard error, where it never mixes with machine-readable output. */
export function printProgress(line: string): void {
  process.stderr.write(`backends: ${line}\n`)
}

/**
 * Runs work while no other process runs work under the same lock file.
 *
 * A lock whose owner is gone is removed. In rare cases two processes both conclude that, and both install. That is
 * harmless, because an installation ends by renaming a verified file into place.
 */
export async function underLock<T>(lockFile: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lockFile), { recursive: true })
  let announced = false
  while (!(await tryLock(lockFile))) {
    if (await removeStaleLock(lockFile)) continue
    if (!announced) printProgress(`another process is installing, waiting for ${lockFile}`)
    announced = true
    await delay(lockPollMs)
  }
  try {
    return await work()
  } finally {
    await rm(lockFile, { force: true })
  }
}

async function tryLock(lockFile: string): Promise<boolean> {
  try {
    const handle = await open(lockFile, "wx")
    try {
      await handle.writeFile(String(process.pid))
    } finally {
      await handle.close()
    }
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false
    throw error
  }
}

async function removeStaleLock(lockFile: string): Promise<boolean> {
  try {
    const owner = Number(await readFile(lockFile, "utf8"))
    // An empty file is a lock whose owner has not written its id yet. It is stale only when it stays empty for long.
    const ageMs = Date.now() - (await stat(lockFile)).mtimeMs
    if (owner > 0 ? isRunning(owner) : ageMs < 10_000) return false
    await rm(lockFile, { force: true })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true
    throw error
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
