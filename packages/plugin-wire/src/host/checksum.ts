import { createHash, timingSafeEqual } from "node:crypto"
import { createReadStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { PluginProcessError } from "./process-error.ts"

/**
 * Compares a file with its checksum, before any of it runs.
 *
 * @param checksum - SHA-256, 64 hexadecimal digits
 * @throws {PluginProcessError} it differs, is malformed, or the file cannot be read
 */
export async function requireChecksum(path: string, checksum: string): Promise<void> {
  if (!/^[0-9a-fA-F]{64}$/.test(checksum)) {
    throw new PluginProcessError(`The checksum of ${path} is not a SHA-256 of 64 hexadecimal digits.`)
  }
  const hash = createHash("sha256")
  try {
    await pipeline(createReadStream(path), hash)
  } catch (error) {
    throw new PluginProcessError(`${path} cannot be read.`, [], { cause: error })
  }
  if (timingSafeEqual(hash.digest(), Buffer.from(checksum, "hex"))) return
  throw new PluginProcessError(`${path} does not match its checksum: it was not started.`)
}
