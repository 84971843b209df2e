import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"

const othersMayTouch = 0o077

/**
 * Reads a file that holds a plain key. The caller fills the bytes with zeros after use.
 *
 * @param length - of the key, in bytes
 * @throws {CliError} usage - not a regular file of that length, or other users may read or write it
 */
export async function readKeyFile(path: string, length: number): Promise<Buffer> {
  const handle = await openFile(path)
  try {
    const status = await handle.stat()
    if (!status.isFile()) throw refused(`${path} is not a regular file.`, "Name the file that holds the key.")
    // Windows lacks such mode bits and owner ids: there the access list of the folder must protect the file.
    const owner = process.getuid?.()
    if (owner !== undefined && ((status.mode & othersMayTouch) !== 0 || status.uid !== owner)) {
      throw refused(
        `Other users may read or write ${path}, or it belongs to another user.`,
        `Run chmod 600 ${path} as its owner.`,
      )
    }
    if (status.size !== length) {
      const message = `${path} has ${status.size} bytes instead of ${length}.`
      throw refused(
        message,
        "The file must hold the raw key, e.g. from `openssl rand -out FILE 32`: no base64, no newline.",
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
    // Without waiting: a named pipe instead of the file would block the command forever.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown reason"
    throw refused(`${path} cannot be read: ${code}.`, "Check the path; a symbolic link is not followed.")
  }
}

function refused(message: string, nextStep: string): CliError {
  return new CliError(exitCodes.usage, message, nextStep)
}
