import { createSecretKey, type KeyObject, randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { type FileHandle, link, open, unlink } from "node:fs/promises"
import { dirname } from "node:path"
import { rootKeyExposed, rootKeyInvalid } from "./error.ts"

/** Length of the root key, in bytes. */
const rootKeyLength = 32
/** Permissions of everybody but the owner. */
const othersMode = 0o077
/** Windows has no such flag, and creates symbolic links only with a privilege. */
const noFollow = constants.O_NOFOLLOW ?? 0

/** The key that seals the keys of all stored credentials. */
export interface RootKey {
  readonly key: KeyObject
}

/**
 * Loads the root key, or creates one where there is no file: 32 random bytes, mode 0600, durable before use.
 *
 * @param path - its folder must exist
 * @throws {CredentialStoreError} ROOT_KEY_EXPOSED - others may read it, it has another owner, or it is a link
 * @throws {CredentialStoreError} ROOT_KEY_INVALID - not a regular file of 32 bytes, or it cannot be read or created
 */
export async function loadOrCreateRootKey(path: string): Promise<RootKey> {
  return (await loadRootKey(path)) ?? (await createRootKey(path))
}

/**
 * Loads the root key. @returns undefined where there is no file
 *
 * @throws {CredentialStoreError} ROOT_KEY_EXPOSED, ROOT_KEY_INVALID - as {@link loadOrCreateRootKey}
 */
export async function loadRootKey(path: string): Promise<RootKey | undefined> {
  let file: FileHandle
  try {
    // Follows no link, and does not wait for a pipe.
    file = await open(path, constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined
    if (hasCode(error, "ELOOP")) throw rootKeyExposed("The root key file is a symbolic link.")
    throw rootKeyInvalid("The root key file cannot be opened.", error)
  }
  try {
    await assertKept(file)
    return { key: await readKey(file) }
  } finally {
    await file.close()
  }
}

/** Checks the file through its handle, so that nobody can swap it between check and use. */
async function assertKept(file: FileHandle): Promise<void> {
  const stat = await file.stat()
  if (!stat.isFile()) throw rootKeyInvalid("The root key file is not a regular file.")
  // Windows has no such modes and owners: there, the access list of the folder protects the file.
  const ownUser = process.getuid?.()
  if (ownUser !== undefined) {
    if ((stat.mode & othersMode) !== 0) throw rootKeyExposed("Users other than its owner may access the root key file.")
    if (stat.uid !== ownUser) throw rootKeyExposed("The root key file belongs to another user.")
  }
  if (stat.size !== rootKeyLength) throw rootKeyInvalid(`The root key file does not have ${rootKeyLength} bytes.`)
}

async function readKey(file: FileHandle): Promise<KeyObject> {
  const bytes = Buffer.allocUnsafeSlow(rootKeyLength + 1)
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    if (bytesRead !== rootKeyLength) throw rootKeyInvalid(`The root key file does not have ${rootKeyLength} bytes.`)
    return createSecretKey(bytes.subarray(0, rootKeyLength))
  } finally {
    bytes.fill(0)
  }
}

async function createRootKey(path: string): Promise<RootKey> {
  // Written next to it and then linked into place, so that a crash leaves no short key; `link` never replaces a file.
  const draft = `${path}.${process.pid}.${randomBytes(8).toString("hex")}.new`
  const bytes = randomBytes(rootKeyLength)
  try {
    await writeDurably(draft, bytes)
    await link(draft, path)
    await unlink(draft)
    await syncFolder(dirname(path))
    return { key: createSecretKey(bytes) }
  } catch (error) {
    await unlink(draft).catch(() => undefined)
    // Another process was first, and its key counts.
    const other = hasCode(error, "EEXIST") ? await loadRootKey(path) : undefined
    if (other !== undefined) return other
    throw rootKeyInvalid("The root key file cannot be created.", error)
  } finally {
    bytes.fill(0)
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow, 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows does not open folders, and keeps names without this.
  if (process.platform === "win32") return
  const folder = await open(path, constants.O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code
}
