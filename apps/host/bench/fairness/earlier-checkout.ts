import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { backendFolder } from "@apeiro-cmk/test-backends"

const run = promisify(execFile)
const project = fileURLToPath(new URL("../../../..", import.meta.url))

/** A checkout of the project, from which a host can be started. */
export interface Checkout {
  readonly name: string
  readonly folder: string
}

/** This checkout, as it is. */
export const thisCheckout: Checkout = { name: "now", folder: project }

/**
 * Checks out an earlier commit with its dependencies; it is kept in the user's cache.
 * @param reference - a commit of this repository
 * @throws {Error} there is no such commit, or its dependencies cannot be installed
 */
export async function earlierCheckout(reference: string): Promise<Checkout> {
  const { stdout } = await run("git", ["rev-parse", "--verify", `${reference}^{commit}`], { cwd: project })
  const commit = stdout.trim()
  const folder = backendFolder(`checkout-${commit.slice(0, 12)}`)
  if (existsSync(folder)) return { name: reference, folder }
  const fresh = `${folder}.${process.pid}`
  await mkdir(dirname(fresh), { recursive: true })
  try {
    await run("git", ["clone", "--quiet", project, fresh])
    await run("git", ["checkout", "--quiet", commit], { cwd: fresh })
    await run("pnpm", ["install", "--frozen-lockfile"], { cwd: fresh })
    await rename(fresh, folder)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return { name: reference, folder }
}
