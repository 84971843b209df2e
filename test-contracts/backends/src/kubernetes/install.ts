import { createHash } from "node:crypto"
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { backendFolder, fileSha256, printProgress, underLock } from "../cache.ts"
import { runCommand } from "../run-command.ts"
import { BackendUnavailable } from "../unavailable.ts"

/** The version of the Kubernetes API server that the tests run against. */
export const kubernetesVersion = "1.36.3"

const sourceFolder = fileURLToPath(new URL("../../kubernetes/", import.meta.url))
const sourceFiles = ["main.go", "certmanager.go", "go.mod", "go.sum"]

let installed: Promise<string> | undefined

/**
 * Builds the Kubernetes API server into the user's cache unless it is there already; parallel processes build once. The
 * first build takes some minutes and needs Go and its module proxy.
 * @returns path of the binary
 * @throws {BackendUnavailable} it cannot be built on this machine
 */
export async function installKubernetes(): Promise<string> {
  installed ??= install()
  try {
    return await installed
  } catch (error) {
    installed = undefined
    throw error
  }
}

async function install(): Promise<string> {
  const folder = backendFolder(`kubernetes-${kubernetesVersion}-${(await sourcesSha256()).slice(0, 12)}`)
  const binary = join(folder, "kubetest")
  if (await isIntact(binary)) return binary
  return underLock(`${folder}/install.lock`, async () => {
    if (await isIntact(binary)) return binary
    const work = await mkdtemp(join(folder, "build-"))
    try {
      const candidate = join(work, "kubetest")
      await build(candidate)
      await writeFile(`${binary}.sha256`, (await fileSha256(candidate)) ?? "")
      await rename(candidate, binary)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
    printProgress(`Kubernetes ${kubernetesVersion} is built in ${folder}`)
    return binary
  })
}

/** go.sum pins every module, and so what is built: the sources name the binary. */
async function sourcesSha256(): Promise<string> {
  const hash = createHash("sha256")
  for (const name of sourceFiles) hash.update(await readFile(join(sourceFolder, name)))
  return hash.digest("hex")
}

async function isIntact(binary: string): Promise<boolean> {
  const noted = await readFile(`${binary}.sha256`, "utf8").catch(() => undefined)
  return noted !== undefined && noted !== "" && noted === (await fileSha256(binary))
}

async function build(target: string): Promise<void> {
  printProgress(`building Kubernetes ${kubernetesVersion}, which takes some minutes the first time`)
  const flags = `-s -w -X k8s.io/component-base/version.gitVersion=v${kubernetesVersion}`
  const goArguments = ["-C", sourceFolder, "build", "-p", "2", "-mod=readonly", "-trimpath", "-buildvcs=false"]
  // In the background of the first tests, which must not wait for it.
  const outcome = await runCommand("nice", ["-n", "15", "go", ...goArguments, "-ldflags", flags, "-o", target, "."])
  if (outcome === undefined) throw new BackendUnavailable("there is no command nice")
  if (outcome.exitCode === 127) throw new BackendUnavailable("Go is not installed (https://go.dev/dl)")
  if (outcome.exitCode !== 0) throw new BackendUnavailable(`go build failed: ${outcome.output.slice(-2_000)}`)
}
