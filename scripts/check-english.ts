import { globSync, readFileSync } from "node:fs"

/** One turn of phrase that a native reader stumbles over, and the plain one. */
interface Turn {
  readonly pattern: RegExp
  readonly instead: string
}

/** The commonest turns, out of a review of all texts. They are refused in sources, tests and documents. */
const turns: readonly Turn[] = [
  { pattern: /\banew\b/i, instead: "again" },
  { pattern: /^\s*(\/\*\*|\*)\s+What\b/, instead: "a doc comment that begins with what the thing does" },
  {
    pattern:
      /(?<!there )\b(is|are|was|were) no (?!longer\b|more\b|need\b|way\b|reason\b|such\b|different\b|better\b|worse\b|less\b|room\b|doubt\b|other\b|one\b)\w/i,
    instead: "is not a",
  },
  { pattern: /\bthis is no\b/i, instead: "Not a valid ..." },
  { pattern: /\bfor ever\b/i, instead: "forever or permanently" },
  { pattern: /\b(can|could|cannot|may|must|to) be had\b/i, instead: "is available" },
  { pattern: /\bmend(s|ed|ing)?\b/i, instead: "fix" },
  { pattern: /\b(is|are) told\b/i, instead: "receives" },
  { pattern: /\bgive(s|n)? back\b|\bgiving back\b|\bgave back\b/i, instead: "release or return" },
  { pattern: /\b(lets?|letting) out\b/i, instead: "throw or expose" },
  { pattern: /\bat the most\b/i, instead: "at most" },
]

const files = globSync(["**/*.{ts,tsx,mjs,md}", "profiles/*.yaml"], {
  exclude: (path) => /(^|\/)(node_modules|dist|generated|\.git)$/.test(path) || path.endsWith("check-english.ts"),
})
let found = 0
for (const file of files.toSorted()) {
  for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
    for (const { pattern, instead } of turns) {
      const match = pattern.exec(line)
      if (match === null) continue
      found += 1
      console.error(`${file}:${index + 1}: "${match[0].trim()}": write ${instead}`)
    }
  }
}
process.exitCode = found === 0 ? 0 : 1
