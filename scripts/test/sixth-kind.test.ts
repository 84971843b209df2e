import { execFile } from "node:child_process"
import { readFileSync, realpathSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { CopiedWorkspace, packagesOfKinds, project, tablesOfKinds } from "./sixth-kind/copied-workspace.ts"
import { castsBelow, reexportsBelow } from "./sixth-kind/source-rules.ts"

const run = promisify(execFile)
const fixtures = join(project, "scripts/test/fixtures/sixth-kind")
const kind = "time-stamping"
const timeout = 60_000

describe("the packages that know kinds", () => {
  it.each(tablesOfKinds)("have no cast below kinds/ in %s", (folder) => {
    expect(castsBelow(join(project, folder, "src/kinds"))).toEqual([])
  })

  it.each(packagesOfKinds)("re-export nothing but in the entries of %s: no path is kept for its old name", (folder) => {
    const packageJson: PackageJson = JSON.parse(readFileSync(join(project, folder, "package.json"), "utf8"))
    const entries = Object.values(packageJson.exports).map((file) => join(project, folder, file))
    expect(reexportsBelow(join(project, folder, "src"), entries)).toEqual([])
  })

  it("have one table in each layer", () => {
    expect(tablesOfKinds).toEqual([
      "packages/plugin-interface",
      "packages/plugin-wire",
      "packages/host-runtime",
      "test-contracts",
    ])
  })
})

interface PackageJson {
  readonly exports: Readonly<Record<string, string>>
}

describe("a sixth kind of plugin", () => {
  let workspace: CopiedWorkspace
  beforeAll(() => {
    workspace = new CopiedWorkspace()
    for (const folder of tablesOfKinds) {
      workspace.add(join(fixtures, folder, "src/kinds", kind), join(folder, "src/kinds", kind))
      workspace.addRow(folder, kind, "timeStampingKind")
    }
    for (const folder of ["plugin", "run"]) workspace.add(join(fixtures, folder), folder)
    const include = [...packagesOfKinds.map((folder) => `${folder}/src`), "plugin", "run"]
    workspace.install("plugin", "zod", realpathSync(join(project, "packages/plugin-sdk/node_modules/zod")))
    workspace.install("profiles", "time-stamping-plugin", join(workspace.root, "plugin"))
    const keystore = "packages/host-runtime/test/fixtures/packages/third-party-keystore"
    workspace.install("profiles", "third-party-keystore", join(project, keystore))
    // With declarations, as the packages are published.
    const compilerOptions = { declaration: true }
    workspace.write("tsconfig.json", JSON.stringify({ extends: "./tsconfig.base.json", compilerOptions, include }))
  })
  afterAll(() => workspace?.remove())

  it("compiles with files of its own and one row in each table", { timeout }, async () => {
    const { stdout } = await run("tsc", ["-p", workspace.root]).catch((error: { stdout: string }) => error)
    expect(stdout).toBe("")
  })

  it("does not compile while a layer lacks its row", { timeout }, async () => {
    const incomplete = new CopiedWorkspace()
    onTestFinished(() => incomplete.remove())
    const [first = "", ...others] = tablesOfKinds
    incomplete.add(join(fixtures, first, "src/kinds", kind), join(first, "src/kinds", kind))
    incomplete.addRow(first, kind, "timeStampingKind")
    const include = others.map((folder) => `${folder}/src/kinds/table.ts`)
    incomplete.write("tsconfig.json", JSON.stringify({ extends: "./tsconfig.base.json", include }))
    const { stdout } = await run("tsc", ["-p", incomplete.root]).catch((error: { stdout: string }) => error)
    for (const folder of others) {
      expect(stdout).toMatch(new RegExp(`${folder}/src/kinds/table\\.ts\\(\\d+,\\d+\\): error .*"time-stamping"`))
    }
  })

  it("loads from a profile in every place, and answers over the wire", { timeout }, async () => {
    const packaged = {
      package: "time-stamping-plugin",
      configuration: { authority: "ours", token: { source: "env", env: "TOKEN" } },
    }
    const yamlConfiguration = JSON.stringify({ authority: "ours", token: "token-of-the-authority" })
    const serve = join(workspace.root, "plugin/serve.ts")
    const profiles = [
      packaged,
      { ...packaged, isolation: "process" },
      { path: process.execPath, args: [serve], yamlConfiguration },
    ].map((entry, index) => profileOf(workspace, `profile-${index}.yaml`, entry))
    const { stdout } = await run(process.execPath, [join(workspace.root, "run/load.ts"), ...profiles])
    const used = {
      ...{ manifest: "toy-time-stamping", digest: "d1", isVerified: true },
      steps: [{ name: "authority", outcome: "passed" }],
      documents: ["authority.txt"],
      audit: ["timeStampingLogin"],
    }
    expect(JSON.parse(stdout)).toEqual([used, used, used])
  })

  it("runs the kit, in process and over the wire", { timeout }, async () => {
    const { stdout } = await run(process.execPath, [join(workspace.root, "run/prove.ts")])
    const results: readonly KitResult[] = JSON.parse(stdout)
    expect(results.filter(({ failure }) => failure !== undefined)).toEqual([])
    expect(results.filter(({ notProven }) => notProven.length > 0)).toEqual([])
    expect(results.length).toBeGreaterThan(40)
  })
})

interface KitResult {
  readonly name: string
  readonly failure?: string
  readonly notProven: readonly string[]
}

/** Writes a profile with a keystore plugin and one of the sixth kind. @returns its file */
function profileOf(workspace: CopiedWorkspace, name: string, entry: object): string {
  const keystore = { name: "keys", type: "keystore", package: "third-party-keystore" }
  const plugins = [keystore, { name: "stamps", type: kind, ...entry }]
  return workspace.write(join("profiles", name), JSON.stringify({ mode: "production", plugins }))
}
