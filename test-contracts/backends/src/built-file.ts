import { createHash } from "node:crypto"
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { backendFolder, fileSha256, printProgress, underLock } from "./cache.ts"

/** A file that the tests build from sources of this project. */
export interface BuiltFile {
  /** Display name, e.g. `Kubernetes 1.36.3`. */
  readonly title: string
  /** Folder of the sources. */
  readonly folder: string
  /** Files that it is built from, within the folder; a lock file among them pins the rest. */
  readonly sources: readonly string[]
  /** Name of the cache folder, before the hash of the sources. */
  readonly cacheName: string
  /** Name of the file. */
  readonly fileName: string
  /** Builds the file. @param workFolder - empty, and removed afterwards */
  build(target: string, workFolder: string): Promise<void>
}

const installed = new Map<string, Promise<string>>()

/**
 * Builds a file into the user's cache unless it is already there; parallel processes build it once. The sources name the
 * folder, so that a change to them triggers a new build.
 *
 * @returns its path
 * @throws what `build` throws
 */
export async function installBuiltFile(file: BuiltFile): Promise<string> {
  const known = installed.get(file.fileName) ?? install(file)
  installed.set(file.fileName, known)
  try {
    return await known
  } catch (error) {
    installed.delete(file.fileName)
    throw error
  }
}

async function install(file: BuiltFile): Promise<string> {
  const folder = backendFolder(`${file.cacheName}-${(await sourcesSha256(file)).slice(0, 12)}`)
  const built = join(folder, file.fileName)
  if (await isIntact(built)) return built
  return underLock(`${folder}/install.lock`, async () => {
    if (await isIntact(built)) return built
    printProgress(`building ${file.title}, which takes a while the first time`)
    const work = await mkdtemp(join(folder, "build-"))
    try {
      const candidate = join(work, file.fileName)
      await file.build(candidate, work)
      await writeFile(`${built}.sha256`, (await fileSha256(candidate)) ?? "")
      await rename(candidate, built)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
    printProgress(`${file.title} is built in ${folder}`)
    return built
  })
}

async function sourcesSha256({ folder, sources }: BuiltFile): Promise<string> {
  const hash = createHash("sha256")
  for (const name of sources) hash.update(await readFile(join(folder, name)))
  return hash.digest("hex")
}

async function isIntact(file: string): Promise<boolean> {
  // Whatever prevents the reading, the file is built again.
  const noted = await readFile(`${file}.sha256`, "utf8").catch(() => undefined)
  return noted !== undefined && noted !== "" && noted === (await fileSha256(file))
}
