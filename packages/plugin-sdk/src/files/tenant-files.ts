import { constants } from "node:fs"
import { type FileHandle, open, realpath, stat } from "node:fs/promises"
import path from "node:path"
import {
  type FileDestination,
  isPluginError,
  type Logger,
  type PluginError,
  type TenantFiles,
} from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason } from "../calls/deadline.ts"
import { pluginError, scrubbedCause } from "../errors/error-facts.ts"
import { requireAllowedServers } from "./allowed-origins.ts"

const longestFileBytes = 65_536
const longestPathLength = 4096
const longestShownPath = 300
/** Tenants name as many files as they like; they must not fill the log. */
const mostWarnings = 1000
const tenantIdSyntax = /^[a-z0-9][a-z0-9-]{0,39}$/

/** Faults of the host, which say nothing about the tenant's file. */
const hostFaults = ["EMFILE", "ENFILE", "ENOMEM", "EIO"]

/**
 * Makes the reader of files that tenants' configurations name.
 *
 * A file that every user of the machine can read is used nevertheless, and logged once: volumes of Kubernetes are often
 * mounted like that.
 *
 * @param credentialDirectory - holds one folder per tenant; without it every read is refused
 */
export function createTenantFiles(credentialDirectory: string | undefined, logger: Logger): TenantFiles {
  const warned = new Set<string>()
  const warnOfOpen = (name: string, tenantId: string) => {
    const place = `${tenantId}/${name}`
    if (warned.has(place) || warned.size >= mostWarnings) return
    warned.add(place)
    logger.warn("a tenant's file can be read by every user of this machine", { tenant: tenantId, file: name })
  }
  return {
    async read(name, { tenantId, signal }, destination) {
      if (signal.aborted) throw abortReason(signal)
      try {
        if (credentialDirectory === undefined || !isCleanPath(name) || !tenantIdSyntax.test(tenantId)) throw unfit()
        // A network file system can hang, and ignores signals.
        const { bytes, isOpenToAll } = await abortable(
          readBelow(credentialDirectory, tenantId, name, destination),
          signal,
        )
        if (isOpenToAll) warnOfOpen(name, tenantId)
        return bytes
      } catch (error) {
        throw isPluginError(error) ? error : translated(error, tenantId, name)
      }
    },
  }
}

/** `..` is refused rather than resolved: through a link, the text and the file system disagree about where it leads. */
function isCleanPath(name: string): boolean {
  return name !== "" && name.length <= longestPathLength && !name.includes("\0") && !name.split(/[/\\]/).includes("..")
}

interface ReadFile {
  readonly bytes: Uint8Array
  readonly isOpenToAll: boolean
}

async function readBelow(
  credentialDirectory: string,
  tenantId: string,
  name: string,
  destination: FileDestination,
): Promise<ReadFile> {
  const top = await realpath(credentialDirectory)
  // The tenant's folder itself must not be a link, or one tenant's folder could lead into another's.
  const folder = path.join(top, tenantId)
  const file = await realpath(path.join(folder, `./${name}`))
  // Checked before it is opened, since opening a device or a FIFO already has an effect.
  if (!file.startsWith(folder + path.sep) || !(await stat(file)).isFile()) throw unfit()
  await requireAllowedServers(file, top, destination)
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    await requireSameFile(handle, file)
    const { mode } = await handle.stat()
    return { bytes: await readBounded(handle), isOpenToAll: (mode & constants.S_IROTH) !== 0 }
  } finally {
    await handle.close()
  }
}

/** A folder may have been replaced by a link between check and opening: the open file must be the one at the path. */
async function requireSameFile(handle: FileHandle, file: string): Promise<void> {
  const [opened, again, resolved] = await Promise.all([handle.stat(), stat(file), realpath(file)])
  const same = opened.isFile() && resolved === file && opened.dev === again.dev && opened.ino === again.ino
  if (!same) throw unfit()
}

async function readBounded(handle: FileHandle): Promise<Uint8Array> {
  // Outside Buffer's shared pool, and one byte longer than allowed, because a file can grow while it is read.
  const bytes = Buffer.allocUnsafeSlow(longestFileBytes + 1)
  try {
    let length = 0
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length)
      if (bytesRead === 0) return Uint8Array.prototype.slice.call(bytes, 0, length)
      length += bytesRead
    }
    throw unfit()
  } finally {
    bytes.fill(0)
  }
}

/** The reason stays in this file: see {@link refused}. */
function unfit(): Error {
  return new Error("the file cannot be read")
}

function translated(error: unknown, tenantId: string, name: string): PluginError {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (typeof code !== "string" || !hostFaults.includes(code)) return refused(tenantId, name)
  return pluginError("INTERNAL", "This host cannot read files at present.", "Check the host's disk and its limits.", {
    origin: "host",
    retryable: true,
    cause: scrubbedCause(error),
  })
}

/**
 * One answer for every reason, made only of the caller's own input: a tenant must not learn what else is on this machine.
 */
function refused(tenantId: string, name: string): PluginError {
  const folder = tenantIdSyntax.test(tenantId) ? tenantId : "<tenant>"
  const parts = name.split("/").filter((part) => part !== "" && part !== ".")
  const place = ["<credentialDirectory>", folder, ...parts]
    .join("/")
    .replaceAll(/\p{C}/gu, "?")
    .slice(0, longestShownPath)
  return pluginError(
    "INVALID_REQUEST",
    "A file that the configuration names cannot be read.",
    `Have the operator put a regular file of at most 64 KiB at ${place}; no part of the path may be "..", and no link may lead out of the tenant's folder.`,
  )
}
