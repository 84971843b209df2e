import { readFile, stat } from "node:fs/promises"
import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"
import { systemCodeOf } from "./files.ts"

/** Name of the header, as a line of the file begins. */
const headerName = "authorization:"
const othersMayRead = 0o044

/**
 * Reads the value of the header from a file with one line `Authorization: Bearer ...`.
 *
 * @param warn - receives a sentence when other users can read the file
 * @throws {CliError} refused - the file is missing, or lacks such a line
 */
export async function authorizationOf(headerFile: string, warn: (text: string) => void): Promise<string> {
  let text: string
  try {
    text = await readFile(headerFile, "utf8")
    const { mode } = await stat(headerFile)
    // Windows lacks such mode bits.
    if (process.getuid !== undefined && (mode & othersMayRead) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0")
      warn(`Other users can read the token in ${headerFile} (mode ${shown}). Close it: chmod 600 ${headerFile}`)
    }
  } catch (cause) {
    const code = systemCodeOf(cause)
    throw new CliError(
      exitCodes.refused,
      code === "ENOENT"
        ? `There is no token file ${headerFile}.`
        : `The token file ${headerFile} cannot be read (${code}).`,
      "Start the host once with `npm start`, which writes the file, or name yours with --header-file.",
    )
  }
  const line = text.split("\n").find((each) => each.toLowerCase().startsWith(headerName))
  const value = line?.slice(headerName.length).trim() ?? ""
  if (value !== "") return value
  throw new CliError(
    exitCodes.refused,
    `The token file ${headerFile} does not hold one line "Authorization: Bearer ...".`,
    "Write it in that form, with mode 0600; curl reads the same file with -H @FILE.",
  )
}
