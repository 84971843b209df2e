import { type FileHandle, open, readFile, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { text } from "node:stream/consumers"
import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"
import { jsonFault } from "./json-fault.ts"

/** Reads a file, or standard input for `-`. @throws {CliError} usage - it cannot be read */
export async function readInput(file: string): Promise<string> {
  if (file === "-") return text(process.stdin)
  try {
    return await readFile(file, "utf8")
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

/** Reads a JSON document from a file, or from standard input for `-`. @throws {CliError} usage - with line and column */
export async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readJsonText(file))
}

/** Reads the text of a JSON document like {@link readJson}, to be sent as it stands. */
export async function readJsonText(file: string): Promise<string> {
  const content = await readInput(file)
  const fault = jsonFault(content)
  if (fault === undefined) return content
  const name = file === "-" ? "Standard input" : file
  const message =
    content.trim() === "" ? `${name} is empty.` : `${name}:${fault.line}:${fault.column} Not valid JSON from here on.`
  throw new CliError(
    exitCodes.usage,
    message,
    "Correct the document: look for a missing or extra comma or quotation mark.",
  )
}

/**
 * Creates a file, lets `work` fill it, and removes it again when that fails, so that no part of it looks like the whole.
 *
 * @param mode - of the new file. Default: 0600, readable by its owner alone
 * @throws {CliError} usage - it exists already, or cannot be written; errors of `work` pass through
 */
export async function intoNewFile<T>(file: string, work: (handle: FileHandle) => Promise<T>, mode = 0o600): Promise<T> {
  let handle: FileHandle
  try {
    handle = await open(file, "wx", mode)
  } catch (cause) {
    throw unwritable(file, cause)
  }
  try {
    const result = await work(handle)
    await handle.close()
    return result
  } catch (error) {
    await handle.close()
    await rm(file, { force: true })
    throw isSystemError(error) ? unwritable(file, error) : error
  }
}

/** Writes a new file that only its owner can read. @throws {CliError} usage - as {@link intoNewFile} */
export async function writeNewFile(file: string, content: string, mode = 0o600): Promise<void> {
  await intoNewFile(file, (handle) => handle.writeFile(content), mode)
}

/** Says why a file cannot be read, in a sentence instead of an error number. */
export function unreadable(file: string, cause: unknown): CliError {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `There is no file ${file}.`,
    ENOTDIR: `There is no file ${file}.`,
    EISDIR: `${file} is a folder, not a file.`,
    EACCES: `You may not read ${file}.`,
  }
  const code = systemCodeOf(cause)
  return new CliError(exitCodes.usage, reasons[code] ?? `${file} cannot be read (${code}).`, "Check the path.")
}

/** Says why a file or folder cannot be written, in a sentence instead of an error number. */
export function unwritable(path: string, cause: unknown): CliError {
  const reasons: Readonly<Record<string, string>> = {
    EEXIST: `${path} exists already, and is not overwritten.`,
    ENOENT: `There is no folder ${dirname(path)}.`,
    ENOTDIR: `${dirname(path)} is not a folder.`,
    EISDIR: `${path} is a folder.`,
    EACCES: `You may not write ${path}.`,
    EROFS: `You may not write ${path}.`,
    ENOSPC: `The disk is full: ${path} was not written.`,
  }
  const code = systemCodeOf(cause)
  return new CliError(exitCodes.usage, reasons[code] ?? `${path} cannot be written (${code}).`, "Choose another path.")
}

/** Reads the system's own code of a failure, e.g. `ECONNREFUSED`. */
export function systemCodeOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "no code"
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error
}
