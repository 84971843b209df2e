import { existsSync, globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const text = (path: string) => readFileSync(join(project, path), "utf8")

interface PackageJson {
  readonly name: string
  readonly private?: boolean
  readonly exports: Record<string, string>
  readonly publishConfig?: {
    readonly bin?: Readonly<Record<string, string>>
    readonly exports: Record<string, { types: string; default: string } | string>
  }
  readonly bin?: Readonly<Record<string, string>>
  readonly files?: readonly string[]
  readonly engines?: { readonly node: string }
  readonly dependencies?: Record<string, string>
  readonly openkcm?: { readonly kind: string; readonly name: string; readonly contract: string }
}

const folders = globSync(["packages/*/package.json", "apps/*/package.json", "test-contracts/package.json"], {
  cwd: project,
}).map((file) => dirname(file))
const packages = folders
  .map((folder) => ({ folder, json: JSON.parse(text(`${folder}/package.json`)) as PackageJson }))
  .sort((a, b) => a.folder.localeCompare(b.folder))
const plugins = packages.filter(({ json }) => json.openkcm !== undefined)
const published = packages.filter(({ json }) => json.private !== true)

/** Our packages that each package may depend on at run time. A plugin may depend on `asProcesses` and on `*-client`. */
const forPlugins = ["plugin-interface", "plugin-sdk"]
const asProcesses = [...forPlugins, "plugin-wire"]
const mayDependOn: Record<string, readonly string[]> = {
  "plugin-interface": [],
  "plugin-sdk": ["plugin-interface"],
  "plugin-wire": forPlugins,
  "test-contracts": asProcesses,
  "audit-log": ["plugin-interface"],
  "host-call": ["plugin-interface", "audit-log"],
  "committing-wrap": ["plugin-interface"],
  "key-hierarchy": [...forPlugins, "audit-log", "host-call", "committing-wrap"],
  "credential-store": ["plugin-interface", "committing-wrap"],
  "keystore-manager": [...forPlugins, "audit-log", "host-call", "key-hierarchy", "credential-store"],
  persistence: [...forPlugins, "audit-log", "host-call", "key-hierarchy", "credential-store", "keystore-manager"],
  "host-runtime": asProcesses,
  access: ["plugin-interface", "audit-log", "host-call", "persistence"],
  "http-api": [
    ...forPlugins,
    "audit-log",
    "host-call",
    "key-hierarchy",
    "credential-store",
    "keystore-manager",
    "persistence",
    "host-runtime",
    "access",
  ],
  // What it needs is bundled into its one file.
  cli: [],
  host: [
    ...forPlugins,
    "audit-log",
    "host-call",
    "key-hierarchy",
    "credential-store",
    "keystore-manager",
    "persistence",
    "host-runtime",
    "access",
    "http-api",
  ],
}

function allowedDependencies(folder: string, json: PackageJson): readonly string[] {
  const clients = packages.map((other) => basename(other.folder)).filter((name) => name.endsWith("-client"))
  if (json.openkcm !== undefined) return [...asProcesses, ...clients]
  if (folder.endsWith("-client")) return forPlugins
  const allowed = mayDependOn[basename(folder)]
  if (allowed === undefined) throw new Error(`${folder} has no line in the table of dependency directions`)
  return allowed
}

/** Names that a module exports by list, without its types' keyword and without their inner names. */
function exportedNames(source: string): readonly string[] {
  const lists = [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = ""]) => list.split(","))
  const declared = [...source.matchAll(/^export (?:const|function|async function|class|interface|type) (\w+)/gm)]
  const listed = lists.map((name) =>
    name
      .trim()
      .replace(/^type /, "")
      .replace(/^.* as /, ""),
  )
  return [...listed.filter((name) => name !== ""), ...declared.map(([, name = ""]) => name)]
}

describe.each(packages)("$folder", ({ folder, json }) => {
  it("has what every package has", () => {
    for (const file of ["README.md", "tsconfig.json", folder === "apps/host" ? "src/host.ts" : "src/index.ts"]) {
      expect(existsSync(join(project, folder, file)), file).toBe(true)
    }
  })

  it("depends only on packages below it", () => {
    const ours = Object.keys(json.dependencies ?? {}).filter((name) => name.startsWith("@apeiro-cmk/"))
    const allowed = allowedDependencies(folder, json).map((name) => `@apeiro-cmk/${name}`)
    expect(ours.filter((name) => !allowed.includes(name))).toEqual([])
  })

  it("names each export, exports nothing by default and reaches into no other package", () => {
    for (const file of globSync(`${folder}/src/**/*.ts`, { cwd: project })) {
      const source = text(file)
      expect(source, file).not.toMatch(/^export (\*|default)/m)
      expect(source, file).not.toMatch(/from "@apeiro-cmk\/[a-z-]+\/(src|dist)/)
    }
  })

  it("keeps one idea per file: none over 300 lines", () => {
    const long = globSync(`${folder}/{src,test}/**/*.ts`, { cwd: project }).filter(
      (file) => !file.includes("/generated/") && text(file).split("\n").length > 300,
    )
    expect(long).toEqual([])
  })
})

describe.each(published)("$folder, as published,", ({ folder, json }) => {
  it("offers the same paths from dist as from src", () => {
    const fromSource = Object.entries(json.exports).filter(([path]) => path !== "./package.json")
    const fromDist = json.publishConfig?.exports ?? {}
    for (const [path, source] of fromSource) {
      const name = basename(source, ".ts")
      expect(fromDist[path]).toEqual({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` })
      expect(existsSync(join(project, folder, source)), source).toBe(true)
    }
    expect(Object.keys(fromDist).sort()).toEqual(Object.keys(json.exports).sort())
  })

  it("lists every export in its README", () => {
    const readme = text(`${folder}/README.md`)
    const entries = Object.values(json.exports).filter((path) => path.endsWith(".ts"))
    const names = entries.flatMap((entry) => exportedNames(text(join(folder, entry))))
    expect(names.filter((name) => !readme.includes(`\`${name}`))).toEqual([])
  })

  it("ships dist alone and names its Node versions", () => {
    expect(json.files).toEqual(["dist"])
    expect(json.engines?.node).toBe("^22.19.0 || ^24.11.0 || >=26.0.0")
  })
})

describe.each(plugins)("$folder, as a plugin,", ({ folder, json }) => {
  it("has the same inside as every plugin", () => {
    const files = ["index", "plugin", "config", "client", json.openkcm?.kind ?? "", "errors", "serve"].map(
      (name) => `src/${name}.ts`,
    )
    const ofKeystores = ["checks", "connection-check", "test-connection"].map((name) => `src/connection/${name}.ts`)
    if (json.openkcm?.kind === "keystore")
      files.push(...ofKeystores, "src/upstream.ts", "test/contract-over-wire.test.ts")
    for (const file of [...files, "test/contract.test.ts", "test/config.test.ts", "test/errors.test.ts"]) {
      expect(existsSync(join(project, folder, file)), file).toBe(true)
    }
  })

  it("ships an executable for hosts that load plugins as processes", () => {
    const name = `apeiro-cmk-${json.openkcm?.name ?? ""}`
    expect(json.bin).toEqual({ [name]: "./src/serve.ts" })
    expect(json.publishConfig?.bin).toEqual({ [name]: "./dist/serve.mjs" })
    expect(text(`${folder}/src/serve.ts`)).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  it("says in package.json what its manifest says", async () => {
    const module = (await import(join(project, folder, "src/index.ts"))) as {
      plugin: { manifest: { kind: string; name: string; contract: string } }
    }
    const { kind, name, contract } = module.plugin.manifest
    expect(json.openkcm).toEqual({ kind, name, contract })
    expect(json.name).toBe(`@apeiro-cmk/${name}`)
  })

  it("tells its users about options, permissions, errors and limits", () => {
    for (const heading of ["Options", "Permissions", "Errors", "Limits"]) {
      expect(text(`${folder}/README.md`)).toMatch(new RegExp(`^## ${heading}`, "m"))
    }
  })
})

describe("plugins", () => {
  it("are reached through a profile alone: only the folder of profiles depends on them", () => {
    const names = plugins.map(({ json }) => json.name)
    const dependents = packages.filter(({ json }) =>
      Object.keys(json.dependencies ?? {}).some((d) => names.includes(d)),
    )
    expect(dependents.map(({ folder }) => folder)).toEqual([])
  })
})
