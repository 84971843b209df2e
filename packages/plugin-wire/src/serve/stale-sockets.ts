import { lstat, readdir, rmdir, unlink } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"

/** First part of the name of a plugin's folder. */
export const socketFolderPrefix = "apeiro-cmk-"

/** Name of the socket in its folder. */
export const socketName = "plugin"

/**
 * Between `bind` and `listen` a socket refuses connections like one that was left behind; a plugin that starts must not
 * lose its socket to another one.
 */
const youngMs = 60_000

/** `mkdtemp` completes the prefix like this. */
const folderName = new RegExp(`^${socketFolderPrefix}[A-Za-z0-9]{6}$`)

/**
 * Removes what killed plugins left behind: sockets of this user, at least a minute old, at which nobody listens any more,
 * and their folders where they hold nothing else. The temporary folder is shared: everything else stays.
 */
export async function removeStaleSockets(parent: string, nowMs: number): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names.filter((each) => folderName.test(each))) {
    const folder = join(parent, name)
    try {
      if (!(await isStale(folder, nowMs))) continue
      await unlink(join(folder, socketName))
      await rmdir(folder)
    } catch {
      // Another process was faster, or keeps something there.
    }
  }
}

/**
 * Tells by connecting, not by a process id: the temporary folder may be shared with other containers. A connection to a
 * file or folder is refused just like one to a socket without a listener.
 */
async function isStale(folder: string, nowMs: number): Promise<boolean> {
  const path = join(folder, socketName)
  const [owner, entry] = await Promise.all([lstat(folder), lstat(path)])
  if (!owner.isDirectory() || owner.uid !== process.getuid?.() || !entry.isSocket()) return false
  if (nowMs - entry.mtimeMs < youngMs) return false
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once("connect", () => {
      socket.destroy()
      resolve(false)
    })
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"))
  })
}
