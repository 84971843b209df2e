import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** Checks that every relative link in the project's documents has a target. */
const documents = globSync("**/*.md", { exclude: (path) => /(^|\/)(node_modules|dist)$/.test(path) })
const dead: string[] = []
for (const document of documents) {
  const text = readFileSync(document, "utf8").replace(/```[\s\S]*?```/g, "")
  for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target) || target.startsWith("#")) continue
    const [path = ""] = target.split("#")
    if (!existsSync(join(dirname(document), path))) dead.push(`${document}: ${target}`)
  }
}
for (const link of dead) console.error(`dead link in ${link}`)
process.exitCode = dead.length === 0 ? 0 : 1
