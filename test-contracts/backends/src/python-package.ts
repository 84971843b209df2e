import { mkdtemp, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { backendFolder, printProgress, underLock } from "./cache.ts"
import { installWheels } from "./python.ts"
import { runCommand } from "./run-command.ts"

/** A version of a Python package, with all that it needs, in a folder of the user's cache. */
export interface PythonPackage {
  readonly name: string
  /** With extras, e.g. `moto[server]`. Default: the name. */
  readonly requirement?: string
  readonly version: string
}

/**
 * Makes the function that installs a package, unless it is already there; one installation at a time.
 * @returns a function that returns the folder for `PYTHONPATH`; it rejects with `BackendUnavailable` where the package
 * is not available
 */
export function pythonPackage(wanted: PythonPackage): () => Promise<string> {
  let installed: Promise<string> | undefined
  return async () => {
    installed ??= install(wanted)
    try {
      return await installed
    } catch (error) {
      installed = undefined
      throw error
    }
  }
}

async function install({ name, requirement = name, version }: PythonPackage): Promise<string> {
  const folder = join(backendFolder(`${name}-${version}`), "packages")
  if (await exists(folder)) return folder
  return underLock(`${dirname(folder)}/install.lock`, async () => {
    if (await exists(folder)) return folder
    const work = await mkdtemp(join(dirname(folder), "install-"))
    try {
      await installWheels(`${requirement}==${version}`, join(work, "packages"))
      await rename(join(work, "packages"), folder)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
    printProgress(`${name} ${version} is installed in ${folder}`)
    return folder
  })
}

/**
 * Runs a Python program to its end.
 * @returns its standard output
 * @throws {Error} it ended with a code other than 0; the message has its output
 */
export async function runPython(
  file: string,
  programArguments: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const outcome = await runCommand("python3", [file, ...programArguments], environment)
  if (outcome?.exitCode === 0) return outcome.output
  throw new Error(`${file} failed: ${outcome?.output ?? "there is no python3"}`)
}

async function exists(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  )
}
