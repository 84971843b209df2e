import { mkdir, stat } from "node:fs/promises"
import { HostError } from "./errors.ts"

/**
 * Makes the data directory with mode 0700, or checks it. Its files are 0600 themselves; the directory keeps other users
 * from adding files of their own.
 *
 * @throws {HostError} DATA_DIRECTORY_EXPOSED - other users may read or write it, or it cannot be created
 */
export async function prepareDataDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw exposed(
      `The data directory ${path} cannot be created.`,
      "Check the path and the permissions of its parent.",
      error,
    )
  })
  const facts = await stat(path)
  if (!facts.isDirectory()) {
    throw exposed(`${path} is not a directory.`, "Set dataDirectory in the profile to a directory.")
  }
  if ((facts.mode & 0o077) !== 0) {
    throw exposed(`Other users can access the data directory ${path}.`, `Run \`chmod 700 ${path}\`, and start again.`)
  }
}

function exposed(message: string, nextStep: string, cause?: unknown): HostError {
  return new HostError("DATA_DIRECTORY_EXPOSED", message, { origin: "host", retryable: false, nextStep, cause })
}
