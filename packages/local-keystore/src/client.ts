import { createHash } from "node:crypto"
import { constants, type Stats } from "node:fs"
import { type FileHandle, link, mkdir, open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { type Clock, isPluginError, type RandomSource } from "@apeiro-cmk/plugin-interface"
import { changedKeyFile, exposedKeyFile, fileError, invalidKeyFile, keyNotFound, systemCode } from "./errors.ts"
import {
  type KeyFileContent,
  type KeyVersion,
  keyLength,
  parseKeyFile,
  renderKeyFile,
  type StoredKey,
  takeKey,
} from "./key-file-format.ts"

const longestFileBytes = 16 * 1024 * 1024
const othersMayTouch = 0o077

/** Services that a {@link KeyFile} needs. */
export interface KeyFileServices {
  readonly random: RandomSource
  readonly clock: Clock
}

/** The content of a key file as it was last read or written. */
interface KeyFileState {
  readonly content: KeyFileContent
  /** SHA-256 of the text, which reveals a change made by somebody else. */
  readonly digest: string
}

/**
 * The file with the L1 keys, of mode 0600. Each change replaces the whole file, and takes effect once it is on disk. One
 * process at a time may change it: a change by another process is detected and never overwritten.
 */
export class KeyFile {
  readonly #path: string
  readonly #services: KeyFileServices
  #state: KeyFileState
  #lastTurn: Promise<unknown> = Promise.resolve()

  private constructor(path: string, services: KeyFileServices, state: KeyFileState) {
    this.#path = path
    this.#services = services
    this.#state = state
  }

  /**
   * Opens the file, or creates it and its folder, and generates a key for each name without one.
   * @throws {PluginError} INVALID_REQUEST - readable by others, a symbolic link, damaged, or not accessible to the host
   * @throws {PluginError} UNREACHABLE - the disk is full or fails
   */
  static async open(path: string, names: readonly string[], services: KeyFileServices): Promise<KeyFile> {
    const state = await translated(async () => (await readState(path)) ?? (await createFile(path, names, services)))
    const keyFile = new KeyFile(path, services, state)
    await keyFile.create(names)
    return keyFile
  }

  /** Random id of the file. */
  get fileId(): string {
    return this.#state.content.fileId
  }

  /** Returns a key by its name. @throws {PluginError} KEY_NOT_FOUND */
  key(name: string): StoredKey {
    const key = this.#state.content.keys.get(name)
    if (key === undefined) throw keyNotFound()
    return key
  }

  /** Checks that the file is unchanged and that nobody else may read it. @throws {PluginError} INVALID_REQUEST */
  async check(): Promise<void> {
    await this.#inTurn(() => this.#requireUnchanged())
  }

  /** Generates a key for each name without one. */
  async create(names: readonly string[]): Promise<void> {
    await this.#change((keys) => {
      const missing = names.filter((name) => !keys.has(name))
      for (const name of missing) keys.set(name, newKey(this.#services))
      return missing.length > 0
    })
  }

  /** Adds a version to a key. */
  async rotate(name: string): Promise<void> {
    await this.#change((keys) => {
      const { enabled, versions } = this.key(name)
      keys.set(name, { enabled, versions: [...versions, newVersion(this.#services)] })
      return true
    })
  }

  /** Enables or disables a key. */
  async setEnabled(name: string, enabled: boolean): Promise<void> {
    await this.#change((keys) => {
      const key = this.key(name)
      keys.set(name, { ...key, enabled })
      return key.enabled !== enabled
    })
  }

  /**
   * Changes keys, on disk first: a change that fails alters neither file nor memory.
   * @param edit - returns whether it changed anything
   */
  async #change(edit: (keys: Map<string, StoredKey>) => boolean): Promise<void> {
    await this.#inTurn(async () => {
      const keys = new Map(this.#state.content.keys)
      if (!edit(keys)) return
      await this.#requireUnchanged()
      this.#state = await translated(() => writeDurably(this.#path, { fileId: this.fileId, keys }, rename))
    })
  }

  async #requireUnchanged(): Promise<void> {
    const onDisk = await translated(() => readState(this.#path))
    if (onDisk?.digest !== this.#state.digest) throw changedKeyFile()
  }

  /** Runs pieces of work one at a time, in the order in which they arrive. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(work, work)
    this.#lastTurn = turn
    await turn
  }
}

function newVersion({ random, clock }: KeyFileServices): KeyVersion {
  return { material: takeKey(random.bytes(keyLength)), createdAtMs: clock.nowMs() }
}

function newKey(services: KeyFileServices): StoredKey {
  return { enabled: true, versions: [newVersion(services)] }
}

async function createFile(path: string, names: readonly string[], services: KeyFileServices): Promise<KeyFileState> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const fileId = Buffer.from(services.random.bytes(16)).toString("hex")
  const keys = new Map(names.map((name) => [name, newKey(services)]))
  await writeDurably(path, { fileId, keys }, createExclusively)
  // Read again: if another process was faster, its file is the one that counts.
  const created = await readState(path)
  if (created === undefined) throw changedKeyFile()
  return created
}

async function readState(path: string): Promise<KeyFileState | undefined> {
  let handle: FileHandle
  try {
    // Without O_NONBLOCK, a named pipe instead of the file would block the start forever.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined
    throw error
  }
  try {
    requireProtected(await handle.stat())
    const text = await handle.readFile("utf8")
    return { content: parseKeyFile(text), digest: digestOf(text) }
  } finally {
    await handle.close()
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64")
}

function requireProtected(status: Stats): void {
  if (!status.isFile() || status.size === 0 || status.size > longestFileBytes) throw invalidKeyFile()
  // Windows has no such mode bits or owner ids: there the folder's access control list has to protect the file.
  if (process.getuid === undefined) return
  if ((status.mode & othersMayTouch) !== 0 || status.uid !== process.getuid()) throw exposedKeyFile()
}

/** Writes and flushes a draft, then puts it in place in one step: a crash leaves either the old or the new file. */
async function writeDurably(
  path: string,
  content: KeyFileContent,
  putInPlace: (from: string, to: string) => Promise<void>,
): Promise<KeyFileState> {
  const draft = `${path}.new`
  const text = renderKeyFile(content)
  await rm(draft, { force: true })
  const handle = await open(draft, "wx", 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await putInPlace(draft, path)
  await syncFolder(dirname(path))
  return { content, digest: digestOf(text) }
}

/** Puts the draft in place by a link, which, unlike a rename, never replaces an existing key file. */
async function createExclusively(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path)
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return // Windows cannot open a folder this way, and does not need to flush it
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isPluginError(error) ? error : fileError(error)
  }
}
