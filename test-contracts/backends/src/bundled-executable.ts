import { mkdir, mkdtemp, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { executableConfig } from "../../../tsup.base.ts"

/**
 * Bundles a plugin's `serve.ts` into the single file that its package publishes. It starts twice as fast as the sources,
 * which matters where every case of a contract starts a process.
 *
 * @param serveUrl - URL of `src/serve.ts` of the package
 * @returns the program and its arguments
 */
export async function bundledExecutable(
  serveUrl: string,
): Promise<{ readonly path: string; readonly args: readonly string[] }> {
  const serve = fileURLToPath(serveUrl)
  // Inside the package's node_modules, so that the bundle finds native add-ons.
  const folder = join(dirname(dirname(serve)), "node_modules", ".bundled")
  await mkdir(folder, { recursive: true })
  const outDir = await mkdtemp(join(folder, "new-"))
  const { build } = await import("tsup")
  await build({ ...executableConfig({ serve }), outDir, config: false, silent: true, clean: false })
  // Always the same path, because Node caches compiled code by path. Running processes have already read the file.
  const bundle = join(folder, "serve.mjs")
  await rename(join(outDir, "serve.mjs"), bundle)
  await rm(outDir, { recursive: true, force: true })
  return { path: process.execPath, args: [bundle] }
}
