import { mkdir, mkdtemp, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { executableConfig } from "../../../tsup.base.ts"

/**
 * Bundles a plugin's `serve.ts` into the one file that its package publishes. That file starts in half the time of its
 * sources, which counts where every case of a contract starts a process.
 *
 * @param serveUrl - URL of `src/serve.ts` of the package
 * @returns the program and its arguments
 */
export async function bundledExecutable(
  serveUrl: string,
): Promise<{ readonly path: string; readonly args: readonly string[] }> {
  const serve = fileURLToPath(serveUrl)
  // Below the package's own node_modules, where it finds the addons that no bundle holds.
  const folder = join(dirname(dirname(serve)), "node_modules", ".bundled")
  await mkdir(folder, { recursive: true })
  const outDir = await mkdtemp(join(folder, "new-"))
  const { build } = await import("tsup")
  await build({ ...executableConfig(serve), outDir, config: false, silent: true, clean: false })
  // Always the same path: Node caches what it compiles by path. Processes that run have read theirs.
  const bundle = join(folder, "serve.mjs")
  await rename(join(outDir, "serve.mjs"), bundle)
  await rm(outDir, { recursive: true, force: true })
  return { path: process.execPath, args: [bundle] }
}
