import { spawnSync } from "node:child_process"
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** One static gate: its name, and the commands that must all succeed. */
interface Gate {
  readonly name: string
  readonly commands: readonly (readonly string[])[]
}

interface PackageJson {
  readonly private?: boolean
  readonly openkcm?: object
}

function foldersOf(isWanted: (json: PackageJson) => boolean): string[] {
  return globSync(["packages/*/package.json", "apps/*/package.json", "test-contracts/package.json"])
    .filter((file) => isWanted(JSON.parse(readFileSync(file, "utf8"))))
    .map((file) => dirname(file))
    .sort()
}

/** Each published package as users get it: packed, then checked by two tools that know what breaks importers. */
function packageGates(packs: string): Gate[] {
  return foldersOf((json) => json.private !== true).map((folder) => {
    const tarball = join(packs, `${folder.replaceAll("/", "-")}.tgz`)
    return {
      name: `package ${folder}`,
      commands: [
        ["pnpm", "--dir", folder, "pack", "--out", tarball],
        ["publint", "--strict", tarball],
        ["attw", "--profile", "esm-only", "--format", "ascii", tarball],
      ],
    }
  })
}

/** Each executable is one self-contained file: copied elsewhere and started by a person, it explains what it is. */
function executableGate(folder: string): Gate {
  const check = 'cp "$0" "$1/plugin.mjs" && { node "$1/plugin.mjs" 2>&1; true; } | grep "host starts it"'
  const plugins = foldersOf((json) => json.openkcm !== undefined)
  const starts = plugins.map((plugin) => ["sh", "-c", check, join(plugin, "dist/serve.mjs"), folder])
  const checkProfile =
    'cp "$0" "$1/apeiro-cmk.mjs" && node "$1/apeiro-cmk.mjs" profile check profiles/apeiro-profile.yaml'
  return {
    name: "executables",
    commands: [...starts, ["sh", "-c", checkProfile, "apps/cli/dist/apeiro-cmk.mjs", folder]],
  }
}

function succeeds(command: readonly string[]): boolean {
  const [program = "", ...args] = command
  const result = spawnSync(program, args, { encoding: "utf8" })
  if (result.status === 0) return true
  process.stdout.write(`\n$ ${command.join(" ")}\n${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}\n`)
  return false
}

const packs = mkdtempSync(join(tmpdir(), "apeiro-cmk-check-"))
const gates: Gate[] = [
  { name: "format and lint", commands: [["biome", "check", "--error-on-warnings"]] },
  { name: "promises", commands: [["oxlint", "--type-aware", "--deny-warnings"]] },
  {
    name: "types",
    commands: [
      ["turbo", "run", "typecheck", "--output-logs=errors-only"],
      ["tsc", "-p", "scripts"],
    ],
  },
  { name: "unused files, exports and dependencies", commands: [["knip"]] },
  { name: "links in documents", commands: [["node", "scripts/check-links.ts"]] },
  { name: "English", commands: [["node", "scripts/check-english.ts"]] },
  { name: "changesets", commands: [["node", "scripts/check-changesets.ts"]] },
  { name: "build", commands: [["turbo", "run", "build", "--output-logs=errors-only"]] },
  executableGate(packs),
  ...packageGates(packs),
]

const failed: string[] = []
for (const gate of gates) {
  const startedAt = Date.now()
  const passed = gate.commands.every(succeeds)
  if (!passed) failed.push(gate.name)
  console.log(`${passed ? "ok    " : "FAILED"} ${gate.name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`)
}
rmSync(packs, { recursive: true, force: true })
console.log(failed.length === 0 ? `\nAll ${gates.length} gates passed.` : `\nFailed: ${failed.join("; ")}`)
process.exitCode = failed.length === 0 ? 0 : 1
