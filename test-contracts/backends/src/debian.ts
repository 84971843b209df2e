import { access } from "node:fs/promises"
import { printProgress } from "./cache.ts"
import { runCommand } from "./run-command.ts"
import { BackendUnavailable } from "./unavailable.ts"

/**
 * Installs packages of Debian: as root on Debian, and nowhere else is the system touched.
 * @param purpose - what is missing, for people
 * @throws {BackendUnavailable} it cannot be done here; the message says what to install
 */
export async function installDebianPackages(purpose: string, packages: readonly string[]): Promise<void> {
  const names = packages.join(" ")
  if (process.getuid?.() !== 0 || !(await isDebian()))
    throw new BackendUnavailable(`${purpose} is missing: install it (Debian: apt-get install ${names})`)
  printProgress(`${purpose} is missing, installing the Debian packages ${names}`)
  for (const aptArguments of [["update"], ["install", "--yes", "--no-install-recommends", ...packages]]) {
    // Waits for any other process that is installing a package.
    const waiting = ["-o", "DPkg::Lock::Timeout=300", ...aptArguments]
    const outcome = await runCommand("apt-get", waiting, { DEBIAN_FRONTEND: "noninteractive" })
    if (outcome?.exitCode !== 0)
      throw new BackendUnavailable(`apt-get ${aptArguments[0]} failed: ${lastLines(outcome?.output)}`)
  }
}

/** The last lines of a command's output, joined into one line. */
export function lastLines(output = "no such command"): string {
  return output.trim().split("\n").slice(-3).join(" | ")
}

async function isDebian(): Promise<boolean> {
  return access("/etc/debian_version").then(
    () => true,
    () => false,
  )
}
