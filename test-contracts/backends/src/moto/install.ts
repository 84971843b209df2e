import { mkdtemp, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { backendFolder, printProgress, underLock } from "../cache.ts"
import { installWheels } from "../python.ts"

/** The version of moto, an emulator of AWS by others; botocore comes with it. */
export const motoVersion = "5.2.5"

let installed: Promise<string> | undefined

/**
 * Installs moto's server with all that it needs into the user's cache unless it is there already.
 * @returns folder for `PYTHONPATH`
 * @throws {BackendUnavailable} it cannot be had on this machine
 */
export async function installMoto(): Promise<string> {
  installed ??= install()
  try {
    return await installed
  } catch (error) {
    installed = undefined
    throw error
  }
}

async function install(): Promise<string> {
  const folder = join(backendFolder(`moto-${motoVersion}`), "packages")
  if (await exists(folder)) return folder
  return underLock(`${dirname(folder)}/install.lock`, async () => {
    if (await exists(folder)) return folder
    const work = await mkdtemp(join(dirname(folder), "install-"))
    try {
      await installWheels(`moto[server]==${motoVersion}`, join(work, "packages"))
      await rename(join(work, "packages"), folder)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
    printProgress(`moto ${motoVersion} is installed in ${folder}`)
    return folder
  })
}

async function exists(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    () => false,
  )
}
