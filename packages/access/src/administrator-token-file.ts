import { constants } from "node:fs"
import { link, lstat, open, rm, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import type { RandomSource } from "@apeiro-cmk/plugin-interface"
import { bearerTokenHash, bearerTokenOf, newBearerToken } from "./bearer-token.ts"
import { AccessError } from "./errors.ts"

const longestFileBytes = 1024
const headerName = "authorization:"

/**
 * Reads the administrator's token from its file, or makes both at the first start of a host.
 *
 * The file is the only place that holds the token: it contains `Authorization: Bearer <token>`, so that
 * `curl -H @file` works. A host keeps its hash in memory. Removing the file and starting again replaces the token.
 *
 * @returns SHA-256 of the token
 * @throws {AccessError} ADMINISTRATOR_TOKEN_EXPOSED - others than the owner may read or write the file
 * @throws {AccessError} ADMINISTRATOR_TOKEN_INVALID - the file is a link or not a regular file, or holds no token
 */
export async function loadOrCreateAdministratorToken(path: string, random: RandomSource): Promise<Uint8Array> {
  return (await createFile(path, random)) ?? (await readFile(path))
}

/** Writes a whole file under another name and links it into place: a crash leaves a whole token or none. */
async function createFile(path: string, random: RandomSource): Promise<Uint8Array | undefined> {
  const existing = await lstat(path).catch((error: unknown) => (isMissing(error) ? undefined : refuse(path, error)))
  if (existing !== undefined) return undefined
  const draft = `${path}.${Buffer.from(random.bytes(8)).toString("hex")}`
  const token = newBearerToken(random)
  try {
    await writeFile(draft, `Authorization: Bearer ${token}\n`, { mode: 0o600, flag: "wx", flush: true })
    await link(draft, path)
    return bearerTokenHash(token)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return undefined
    throw invalid(path, "cannot be written", error)
  } finally {
    await rm(draft, { force: true })
    await syncFolder(dirname(path))
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT"
}

function refuse(path: string, cause: unknown): never {
  throw invalid(path, "cannot be inspected", cause)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function readFile(path: string): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw invalid(path, "cannot be opened, or is a link", error)
  })
  try {
    const facts = await file.stat()
    if (!facts.isFile() || facts.size > longestFileBytes) throw invalid(path, "is not a header file")
    if ((facts.mode & 0o077) !== 0) {
      throw new AccessError("ADMINISTRATOR_TOKEN_EXPOSED", `${path} can be read or written by others.`, {
        origin: "host",
        retryable: false,
        nextStep: `Remove ${path} and start again: the host then makes a new token.`,
      })
    }
    const line = (await file.readFile("utf8")).trim()
    const isHeader = line.toLowerCase().startsWith(headerName)
    const token = bearerTokenOf(isHeader ? line.slice(headerName.length).trimStart() : undefined)
    if (token === undefined) throw invalid(path, "holds no line `Authorization: Bearer <token>`")
    return bearerTokenHash(token)
  } finally {
    await file.close()
  }
}

function invalid(path: string, what: string, cause?: unknown): AccessError {
  return new AccessError("ADMINISTRATOR_TOKEN_INVALID", `The administrator's token file ${path} ${what}.`, {
    origin: "host",
    retryable: false,
    nextStep: `Check the folder's permissions, or remove ${path} and start again: the host then makes a new token.`,
    cause,
  })
}
