import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { backendFolder, printProgress, underLock } from "../cache.ts"
import { runCommand } from "../run-command.ts"
import { BackendUnavailable } from "../unavailable.ts"

/** The version of SoftHSM that the tests run against: the one of Debian 12. */
export const softHsmVersion = "2.6.1"

/** Paths of SoftHSM's files. */
export interface SoftHsmInstallation {
  /** The PKCS#11 module. */
  readonly module: string
  /** `softhsm2-util`. */
  readonly tool: string
}

let installed: Promise<SoftHsmInstallation> | undefined

/**
 * Unpacks SoftHSM from Debian's packages into the user's cache unless it is already there; the system is not changed.
 * @throws {BackendUnavailable} it is not available on this machine
 */
export async function installSoftHsm(): Promise<SoftHsmInstallation> {
  installed ??= install()
  try {
    return await installed
  } catch (error) {
    installed = undefined
    throw error
  }
}

async function install(): Promise<SoftHsmInstallation> {
  const folder = join(backendFolder(`softhsm-${softHsmVersion}`), "files")
  const installation = {
    module: join(folder, "usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    tool: join(folder, "usr/bin/softhsm2-util"),
  }
  if (await exists(installation.module)) return installation
  return underLock(`${dirname(folder)}/install.lock`, async () => {
    if (await exists(installation.module)) return installation
    const work = await mkdtemp(join(dirname(folder), "install-"))
    try {
      await unpack(work)
      await rename(join(work, "files"), folder)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
    if (!(await exists(installation.module)))
      throw new BackendUnavailable("Debian's libsofthsm2 holds no module for x86-64")
    printProgress(`SoftHSM ${softHsmVersion} is installed in ${folder}`)
    return installation
  })
}

async function unpack(work: string): Promise<void> {
  printProgress("downloading the Debian packages libsofthsm2 and softhsm2")
  const script = 'cd "$1" && apt-get download libsofthsm2 softhsm2 >/dev/null'
  if (!(await succeeds("sh", ["-c", script, "sh", work]))) {
    // The package lists may be missing; only root can download them.
    await succeeds("apt-get", ["update"])
    if (!(await succeeds("sh", ["-c", script, "sh", work]))) {
      throw new BackendUnavailable("apt-get cannot download softhsm2: it is there on Debian 12, after apt-get update")
    }
  }
  for (const file of (await readdir(work)).filter((name) => name.endsWith(".deb"))) {
    if (!(await succeeds("dpkg-deb", ["-x", join(work, file), join(work, "files")]))) {
      throw new BackendUnavailable(`dpkg-deb cannot unpack ${file}`)
    }
  }
}

async function succeeds(command: string, commandArguments: readonly string[]): Promise<boolean> {
  return (await runCommand(command, commandArguments))?.exitCode === 0
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
