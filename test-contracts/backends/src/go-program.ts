import { createHash } from "node:crypto"
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { backendFolder, fileSha256, printProgress, underLock } from "./cache.ts"
import { runCommand } from "./run-command.ts"
import { BackendUnavailable } from "./unavailable.ts"

/** A program that the tests build from a Go module of this project. */
export interface GoProgram {
  /** For people, e.g. `Kubernetes 1.36.3`. */
  readonly title: string
  /** Of the module. */
  readonly folder: string
  /** All that it is built from, within the folder. */
  readonly sources: readonly string[]
  /** Package within the module. Default `.`. */
  readonly packagePath?: string
  /** Name of the cache's folder, before the hash of the sources. */
  readonly cacheName: string
  /** Name of the binary. */
  readonly binaryName: string
  /** More of `-ldflags`. */
  readonly linkerFlags?: string
}

const installed = new Map<string, Promise<string>>()

/**
 * Builds a program into the user's cache unless it is there already; parallel processes build once. go.sum pins every
 * module, and so what is built: the sources name the folder of the binary.
 *
 * @returns path of the binary
 * @throws {BackendUnavailable} it cannot be built on this machine
 */
export async function installGoProgram(program: GoProgram): Promise<string> {
  const known = installed.get(program.binaryName) ?? install(program)
  installed.set(program.binaryName, known)
  try {
    return await known
  } catch (error) {
    installed.delete(program.binaryName)
    throw error
  }
}

async function install(program: GoProgram): Promise<string> {
  const folder = backendFolder(`${program.cacheName}-${(await sourcesSha256(program)).slice(0, 12)}`)
  const binary = join(folder, program.binaryName)
  if (await isIntact(binary)) return binary
  return underLock(`${folder}/install.lock`, async () => {
    if (await isIntact(binary)) return binary
    const work = await mkdtemp(join(folder, "build-"))
    try {
      const candidate = join(work, program.binaryName)
      await build(program, candidate)
      await writeFile(`${binary}.sha256`, (await fileSha256(candidate)) ?? "")
      await rename(candidate, binary)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
    printProgress(`${program.title} is built in ${folder}`)
    return binary
  })
}

async function sourcesSha256({ folder, sources }: GoProgram): Promise<string> {
  const hash = createHash("sha256")
  for (const name of sources) hash.update(await readFile(join(folder, name)))
  return hash.digest("hex")
}

async function isIntact(binary: string): Promise<boolean> {
  const noted = await readFile(`${binary}.sha256`, "utf8").catch(() => undefined)
  return noted !== undefined && noted !== "" && noted === (await fileSha256(binary))
}

async function build({ title, folder, packagePath = ".", linkerFlags = "" }: GoProgram, target: string): Promise<void> {
  printProgress(`building ${title}, which takes a while the first time`)
  const goArguments = ["-C", folder, "build", "-p", "2", "-mod=readonly", "-trimpath", "-buildvcs=false"]
  const flags = ["-ldflags", `-s -w ${linkerFlags}`.trim(), "-o", target, packagePath]
  // In the background of the first tests, which must not wait for it.
  const outcome = await runCommand("nice", ["-n", "15", "go", ...goArguments, ...flags])
  if (outcome === undefined) throw new BackendUnavailable("there is no command nice")
  if (outcome.exitCode === 127) throw new BackendUnavailable("Go is not installed (https://go.dev/dl)")
  if (outcome.exitCode !== 0) throw new BackendUnavailable(`go build failed: ${outcome.output.slice(-2_000)}`)
}
