import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"

const othersMayTouch = 0o077

/**
 * Reads a file that holds a plain key. The caller fills the bytes with zeros.
 *
 * @param length - how many bytes it must have
 * @throws {CliError} it is no regular file of that length, or others than its owner may read or write it
 */
export async function readKeyFile(path: string, length: number): Promise<Buffer> {
  const handle = await openFile(path)
  try {
    const status = await handle.stat()
    if (!status.isFile()) throw refused(`${path} is no regular file.`, "Name the file that holds the key.")
    // Windows has no such mode bits or owner ids: there the folder's access list has to protect the file.
    const owner = process.getuid?.()
    if (owner !== undefined && ((status.mode & othersMayTouch) !== 0 || status.uid !== owner)) {
      throw refused(`Others may read or write ${path}, or it is another user's.`, `Run chmod 600 ${path} as its owner.`)
    }
    if (status.size !== length) {
      const message = `${path} has ${status.size} bytes instead of ${length}.`
      throw refused(
        message,
        "The file must hold the raw key, e.g. of `openssl rand -out FILE 32`: no base64, no newline.",
      )
    }
    const bytes = Buffer.allocUnsafeSlow(length)
    await handle.read(bytes, 0, length, 0)
    return bytes
  } finally {
    await handle.close()
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // Without waiting: a named pipe in the place of the file would hold the command up for ever.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown reason"
    throw refused(`${path} cannot be read: ${code}.`, "Check the path; a symbolic link is not followed.")
  }
}

function refused(message: string, nextStep: string): CliError {
  return new CliError(exitCodes.usage, message, nextStep)
}
