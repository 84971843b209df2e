import { constants } from "node:fs"
import { type FileHandle, open, realpath, stat } from "node:fs/promises"
import path from "node:path"
import type { PluginError, TenantFiles } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason } from "./deadline.ts"
import { pluginError, scrubbedCause } from "./error-facts.ts"

const longestFileBytes = 65_536
const longestPathLength = 4096
const tenantIdSyntax = /^[a-z0-9][a-z0-9-]{0,39}$/

/** Faults of the host's own, which say nothing about the tenant's file. */
const hostFaults = ["EMFILE", "ENFILE", "ENOMEM", "EIO"]

/**
 * Makes the reader of files that tenants' configurations name.
 *
 * @param credentialDirectory - holds one folder per tenant; without it every read is refused
 */
export function createTenantFiles(credentialDirectory: string | undefined): TenantFiles {
  return {
    async read(name, { tenantId, signal }) {
      if (signal.aborted) throw abortReason(signal)
      if (credentialDirectory === undefined || !isCleanPath(name) || !tenantIdSyntax.test(tenantId)) throw refused()
      // A network file system can hang, and knows no signals.
      return abortable(readBelow(credentialDirectory, tenantId, name), signal)
    },
  }
}

/** `..` is refused rather than resolved: through a link, the text and the file system disagree about where it leads. */
function isCleanPath(name: string): boolean {
  return name !== "" && name.length <= longestPathLength && !name.includes("\0") && !name.split(/[/\\]/).includes("..")
}

async function readBelow(credentialDirectory: string, tenantId: string, name: string): Promise<Uint8Array> {
  try {
    // The tenant's folder itself must be no link, or one tenant's folder could lead into another's.
    const folder = path.join(await realpath(credentialDirectory), tenantId)
    const file = await realpath(path.join(folder, `./${name}`))
    // Looked at before it is opened, since the opening of a device or a FIFO already does something.
    if (!file.startsWith(folder + path.sep) || !(await stat(file)).isFile()) throw refused()
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      await requireSameFile(handle, file)
      return await readBounded(handle)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw translated(error)
  }
}

/** A folder may have been swapped for a link between look and opening: what is open must be what lies there. */
async function requireSameFile(handle: FileHandle, file: string): Promise<void> {
  const [opened, again, resolved] = await Promise.all([handle.stat(), stat(file), realpath(file)])
  const same = opened.isFile() && resolved === file && opened.dev === again.dev && opened.ino === again.ino
  if (!same) throw refused()
}

async function readBounded(handle: FileHandle): Promise<Uint8Array> {
  // Outside Buffer's shared pool, and one byte longer than allowed, since a file can grow while it is read.
  const bytes = Buffer.allocUnsafeSlow(longestFileBytes + 1)
  try {
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length)
      if (bytesRead === 0) return Uint8Array.prototype.slice.call(bytes, 0, length)
      length += bytesRead
    }
    throw refused()
  } finally {
    bytes.fill(0)
  }
}

function translated(error: unknown): PluginError {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (typeof code !== "string" || !hostFaults.includes(code)) return refused()
  return pluginError("INTERNAL", "This host cannot read files at present.", "Check the host's disk and its limits.", {
    origin: "host",
    retryable: true,
    cause: scrubbedCause(error),
  })
}

/** One answer for every reason, without the path: a tenant must not learn what else lies on this machine. */
function refused(): PluginError {
  return pluginError(
    "INVALID_REQUEST",
    "A file that the configuration names cannot be read.",
    "Have the operator put the file into this tenant's folder of the credential directory: regular, at most 64 KiB.",
  )
}
