import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import {
  type Handshake,
  longestHandshakeBytes,
  pluginProtocolVersion,
  readHandshake,
} from "../handshake/handshake-line.ts"
import { readLogLine, type WireLogLine } from "../handshake/log-line.ts"
import { requireChecksum } from "./checksum.ts"
import { PluginProcessError } from "./process-error.ts"
import { readLines } from "./read-lines.ts"

/** Options of a plugin's process, as a profile describes it. */
export interface PluginProcessOptions {
  /** Type of the plugin: also its magic cookie. */
  readonly type: string
  /** Absolute path of the executable; it runs without a shell. */
  readonly path: string
  readonly args?: readonly string[]
  /** Variables in addition to {@link inheritedVariables} and go-plugin's own. The process receives no others. */
  readonly env?: Readonly<Record<string, string>>
  /** SHA-256 of the file at `path`, in hexadecimal. */
  readonly checksum?: string
  /** Longest wait for the first line of the process, in milliseconds. Default 10,000. */
  readonly startTimeoutMs?: number
  /** Folder for the socket. Default: the system's temporary folder. */
  readonly socketDirectory?: string
  readonly onLog?: (line: WireLogLine) => void
}

/** A process that has stated where it listens. */
export interface SpawnedPlugin {
  readonly handshake: Handshake
  readonly processId: number
  /** Resolves when the process is gone: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Returns the last lines of its log, at most 20: its standard error, and why the host ended it. */
  lastLines(): readonly string[]
  /** Ends the process and every process that it started, by force. @param reason - becomes an error in its log */
  kill(reason?: string): void
}

/** Variables that a process needs to run at all; nothing else of the host's environment reaches it. */
export const inheritedVariables = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"] as const

const keptLines = 20
const longestKeptLine = 1_000
const parentDeathHelper = "/usr/bin/setpriv"

/**
 * Starts the process and reads its first line. Any failure after the start ends the process again.
 *
 * @param certificate - PEM of the host's one-time certificate
 * @throws {PluginProcessError}
 */
export async function spawnPlugin(options: PluginProcessOptions, certificate: string): Promise<SpawnedPlugin> {
  const { path, args = [], checksum, startTimeoutMs = 10_000 } = options
  if (checksum !== undefined) await requireChecksum(path, checksum)
  const [command, ...words] = withParentDeathSignal([path, ...args])
  // A separate group: a kill also reaches what the plugin has started.
  const child = spawn(command, words, {
    env: environmentOf(options, certificate),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  })
  const lines: string[] = []
  const ended = endOf(child)
  const keep = (line: string) => {
    lines.push(line.slice(0, longestKeptLine))
    if (lines.length > keptLines) lines.shift()
    options.onLog?.(readLogLine(line))
  }
  const kill = (reason?: string) => {
    if (reason !== undefined) keep(`[ERROR] ${reason}`)
    killGroup(child)
  }
  if (child.stderr !== null) readLines(child.stderr, keep)
  try {
    const line = await firstLine(child, ended, startTimeoutMs)
    return {
      handshake: readHandshake(line, true),
      processId: child.pid ?? 0,
      ended,
      lastLines: () => lines,
      kill,
    }
  } catch (error) {
    kill()
    const message = error instanceof Error ? error.message : "It could not be started."
    throw new PluginProcessError(`${path}: ${message}`, lines, { cause: error })
  }
}

/** On Linux the kernel ends the child with this process; elsewhere the plugin has to notice. */
function withParentDeathSignal(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  if (process.platform !== "linux" || !existsSync(parentDeathHelper)) return command
  return [parentDeathHelper, "--pdeathsig", "KILL", "--", ...command]
}

function environmentOf({ type, env = {}, socketDirectory }: PluginProcessOptions, certificate: string) {
  const inherited = inheritedVariables.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    ...Object.fromEntries(inherited),
    ...env,
    [type]: type,
    PLUGIN_PROTOCOL_VERSIONS: String(pluginProtocolVersion),
    PLUGIN_MIN_PORT: "10000",
    PLUGIN_MAX_PORT: "25000",
    PLUGIN_CLIENT_CERT: certificate,
    ...(socketDirectory === undefined ? {} : { PLUGIN_UNIX_SOCKET_DIR: socketDirectory }),
  }
}

async function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(127))
    child.once("exit", (code, signal) => resolve(code ?? signal ?? 0))
  })
}

async function firstLine(
  child: ChildProcess,
  ended: Promise<number | NodeJS.Signals>,
  timeoutMs: number,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let read = ""
  const take = (chunk: Buffer) => {
    read += chunk.toString("utf8")
    const end = read.indexOf("\n")
    if (end >= 0) resolve(read.slice(0, end))
    else if (read.length > longestHandshakeBytes) reject(new PluginProcessError("Its first line has no end."))
  }
  child.stdout?.on("data", take)
  child.once("error", (error) => reject(new PluginProcessError(`It cannot be started: ${codeOf(error)}.`)))
  const timer = setTimeout(() => reject(new PluginProcessError(`It wrote nothing within ${timeoutMs} ms.`)), timeoutMs)
  void ended.then((how) => reject(new PluginProcessError(`It ended (${how}) before it stated where it listens.`)))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    child.stdout?.off("data", take)
    // Nobody uses what it still writes there; unread, it would block the plugin one day.
    child.stdout?.resume()
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, "SIGKILL")
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error // ESRCH: it is already gone
  }
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown reason"
}
