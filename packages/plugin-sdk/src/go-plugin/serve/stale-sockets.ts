import { lstat, readdir, rm } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"

/** Begin of the name of a plugin's folder. */
export const socketFolderPrefix = "apeiro-cmk-"

/** Name of the socket in its folder. */
export const socketName = "plugin"

/**
 * Removes folders of plugins that were killed: those of this user whose socket nobody listens at any more. What cannot be
 * looked at or removed stays.
 */
export async function removeStaleSockets(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names.filter((each) => each.startsWith(socketFolderPrefix))) {
    const folder = join(parent, name)
    if (await isStale(folder)) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** Asked by connecting, not by a process id: the temporary folder may be shared with other containers. */
async function isStale(folder: string): Promise<boolean> {
  const owner = await lstat(folder).catch(() => undefined)
  if (owner?.isDirectory() !== true || owner.uid !== process.getuid?.()) return false
  return new Promise((resolve) => {
    const socket = connect(join(folder, socketName))
    socket.once("connect", () => {
      socket.destroy()
      resolve(false)
    })
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"))
  })
}
