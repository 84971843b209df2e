import { execFileSync } from "node:child_process"
import { existsSync, globSync, readFileSync, realpathSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { expect, it } from "vitest"
import * as z from "zod"

const projectFolder = realpathSync(fileURLToPath(new URL("../../..", import.meta.url)))
const recorder = fileURLToPath(new URL("fixtures/record-imports.mjs", import.meta.url))

/** Packages that a plugin may load before it is started, in addition to this workspace and Node: the SDK's own two. */
const allowedPackages = ["zod", "ipaddr.js"]

const pluginEntries = globSync("packages/*/package.json", { cwd: projectFolder })
  .map((file) => join(projectFolder, file))
  .filter(
    (file) =>
      z.looseObject({ openkcm: z.unknown().optional() }).parse(JSON.parse(readFileSync(file, "utf8"))).openkcm !==
      undefined,
  )
  .map((file) => join(dirname(file), "src/index.ts"))
  .filter((file) => existsSync(file))

function importedBy(entry: string): readonly string[] {
  const output = execFileSync(process.execPath, [recorder, pathToFileURL(entry).href], {
    encoding: "utf8",
    timeout: 20_000,
  })
  return z.array(z.string()).parse(JSON.parse(output))
}

/** The npm package that a module belongs to; nothing for the workspace and for Node itself. */
function foreignPackage(url: string): string | undefined {
  if (url.startsWith("node:")) return undefined
  const path = fileURLToPath(url)
  const inside = path.split("/node_modules/").at(-1)
  if (inside === undefined || inside === path) return undefined
  return inside.split("/", inside.startsWith("@") ? 2 : 1).join("/")
}

it("finds the plugin packages of the workspace", () => {
  expect(pluginEntries.length).toBeGreaterThanOrEqual(2)
})

it.each(pluginEntries.map((entry) => [entry.slice(projectFolder.length + 1), entry]))(
  "importing %s loads no vendor SDK",
  (_name, entry) => {
    const urls = importedBy(entry)
    const foreign = new Set(urls.flatMap((url) => foreignPackage(url) ?? []))
    expect([...foreign].filter((name) => !allowedPackages.includes(name))).toEqual([])
    // The recorder sees the plugin itself, so an empty list above means something.
    expect(urls).toContain(pathToFileURL(entry).href)
  },
)
