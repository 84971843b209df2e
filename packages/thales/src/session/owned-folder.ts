import { chmod, lstat, mkdtemp, readdir, rm } from "node:fs/promises"
import { connect, createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** First part of the name of each folder. */
const prefix = "apeiro-cmk-luna-"

/** Socket at which the owner listens for as long as it lives. */
const ownerName = "owner"

/** A folder for the files of one process, which only this user can enter. */
export interface OwnedFolder {
  readonly path: string
  /** Removes it with everything in it. Idempotent. */
  remove(): Promise<void>
}

/**
 * Makes a folder whose owner, this process, can be told to be alive: {@link removeAbandonedFolders} leaves it alone until
 * this process has ended, however that happens.
 *
 * @throws {Error} the temporary folder is not writable, or its path is too long for a socket
 */
export async function makeOwnedFolder(): Promise<OwnedFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  const owner = createServer((socket) => socket.destroy())
  const remove = async () => {
    owner.close()
    await rm(path, { recursive: true, force: true })
  }
  try {
    await listening(owner, join(path, ownerName))
    await chmod(join(path, ownerName), 0o600)
    return { path, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Removes the folders of this user whose owners were killed. The temporary folder is shared: everything else stays. */
export async function removeAbandonedFolders(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => [])
  for (const name of names.filter((each) => each.startsWith(prefix))) {
    const path = join(tmpdir(), name)
    try {
      if (await isAbandoned(path)) await rm(path, { recursive: true, force: true })
    } catch {
      // Another process was faster.
    }
  }
}

/**
 * Tells by connecting, not by a process id, which may be another process by now, or one of another container. A folder
 * without the socket is being made, and holds nothing yet.
 */
async function isAbandoned(path: string): Promise<boolean> {
  const [folder, owner] = await Promise.all([lstat(path), lstat(join(path, ownerName))])
  if (!folder.isDirectory() || folder.uid !== process.getuid?.() || !owner.isSocket()) return false
  return new Promise((resolve) => {
    const socket = connect(join(path, ownerName))
    socket.once("connect", () => {
      socket.destroy()
      resolve(false)
    })
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"))
  })
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.unref()
    server.once("error", reject)
    server.listen(path, resolve)
  })
}
