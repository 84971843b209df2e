import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { promisify } from "node:util"

/** The interface, the SDK and the packages that these two load. */
const alwaysAllowed = [/^@apeiro-cmk\//, /^zod$/, /^ipaddr\.js$/]

/** Fails when importing a module loads another package than those of the interface and the SDK, and `mayLoad`. */
export async function assertLoadsNoVendorSdk(moduleUrl: string, mayLoad: readonly string[] = []): Promise<void> {
  const loaded = await packagesLoadedBy(moduleUrl)
  const foreign = loaded.filter((name) => !mayLoad.includes(name) && !alwaysAllowed.some((rule) => rule.test(name)))
  assert.deepEqual(foreign, [], "these packages load together with the manifest")
}

/** Imports a module in a fresh process. @returns the names of the packages that were resolved on the way */
async function packagesLoadedBy(moduleUrl: string): Promise<readonly string[]> {
  const recorder = `import { registerHooks } from "node:module"
    const seen = []
    registerHooks({ resolve(name, context, next) { const found = next(name, context); seen.push(found.url); return found } })
    process.on("exit", () => process.stdout.write(JSON.stringify(seen)))`
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--no-warnings",
    "--import",
    `data:text/javascript,${encodeURIComponent(recorder)}`,
    "--input-type=module",
    "--eval",
    `await import(${JSON.stringify(moduleUrl)})`,
  ])
  const urls: unknown = JSON.parse(stdout)
  const names = (Array.isArray(urls) ? urls.map(String) : []).flatMap((url) => packageOf(url) ?? [])
  return [...new Set(names)]
}

/** Returns the package of a file below the last `node_modules` of a URL. */
function packageOf(url: string): string | undefined {
  const [, ...below] = url.split("/node_modules/")
  return /^(?:@[^/]+\/)?[^/]+/.exec(below.at(-1) ?? "")?.[0]
}
