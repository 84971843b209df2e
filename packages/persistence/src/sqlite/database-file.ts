import { constants } from "node:fs"
import { access, chmod, mkdir, open, stat } from "node:fs/promises"
import { dirname } from "node:path"
import { isPersistenceError, type PersistenceErrorCode, persistenceError } from "../errors.ts"

/** Meanings of the error codes of file operations. Source: errno(3). */
const meanings: Readonly<Record<string, readonly [PersistenceErrorCode, string]>> = {
  EACCES: ["DATABASE_READ_ONLY", "cannot be written by the user that runs this program"],
  EPERM: ["DATABASE_READ_ONLY", "cannot be written by the user that runs this program"],
  EROFS: ["DATABASE_READ_ONLY", "is on a read-only file system"],
  ENOSPC: ["DATABASE_FULL", "is on a full disk"],
  EDQUOT: ["DATABASE_FULL", "exceeds its disk quota"],
}

/**
 * Creates the file (0600) and its folder (0700) if they do not exist, and removes the permissions of group and others
 * from an existing file. It never opens an existing file: closing it would drop the lock that this process may hold on
 * it.
 *
 * @throws {PersistenceError} DATABASE_READ_ONLY, DATABASE_FULL, DATABASE_UNAVAILABLE - naming the path
 */
export async function prepareDatabaseFile(path: string): Promise<void> {
  const folder = dirname(path)
  await explaining(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  })
  await explaining(path, () => createFile(path))
  await explaining(path, () => restrictFile(path))
  // SQLite writes its log next to the file.
  await explaining(folder, () => access(folder, constants.W_OK | constants.X_OK))
  await explaining(path, () => access(path, constants.R_OK | constants.W_OK))
}

async function createFile(path: string): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600)
    await file.close()
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error
  }
}

async function restrictFile(path: string): Promise<void> {
  const facts = await stat(path)
  if (!facts.isFile()) throw persistenceError("DATABASE_UNAVAILABLE", `${path} is not a file.`)
  if ((facts.mode & 0o077) !== 0) await chmod(path, 0o600)
}

async function explaining(path: string, operation: () => Promise<void>): Promise<void> {
  try {
    await operation()
  } catch (error) {
    if (isPersistenceError(error)) throw error
    const [code, what] = meanings[errorCode(error)] ?? ["DATABASE_UNAVAILABLE", "cannot be used"]
    throw persistenceError(code, `${path} ${what}.`, error)
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
}
