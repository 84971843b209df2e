import { spawnSync } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { basename } from "node:path"

/** Benchmarks are programs named `bench/NAME.ts` in the package they measure; their first comment says what they measure. */
const benchmarks = new Map(
  globSync(["packages/*/bench/*.ts", "apps/*/bench/*.ts", "bench/programs/*.ts"]).map((file) => [
    basename(file, ".ts"),
    file,
  ]),
)

/** The first sentence of the file's first comment. */
function describe(file: string): string {
  const comment = /\/\*\*([\s\S]+?)\*\//.exec(readFileSync(file, "utf8"))?.[1] ?? ""
  const text = comment.replaceAll(/\s*\n\s*\*\s*/g, " ").trim()
  return /^[^.]*/.exec(text)?.[0] ?? ""
}

const [name, ...options] = process.argv.slice(2)
const file = name === undefined ? undefined : benchmarks.get(name)
if (file === undefined) {
  const asksForList = name === undefined || name === "--help" || name === "-h"
  if (!asksForList) console.error(`There is no benchmark "${name}".`)
  console.log("Benchmarks: npm run bench -- NAME")
  for (const [each, path] of [...benchmarks].sort()) console.log(`  ${each.padEnd(22)} ${describe(path)}`)
  process.exitCode = asksForList ? 0 : 2
} else {
  process.exitCode = spawnSync("node", [file, ...options], { stdio: "inherit" }).status ?? 1
}
