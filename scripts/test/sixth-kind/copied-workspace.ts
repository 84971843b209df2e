import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** The root of this repository. */
export const project = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

/** Folders of the packages that know kinds. */
export const packagesOfKinds: readonly string[] = [
  "packages/plugin-interface",
  "packages/plugin-sdk",
  "packages/plugin-wire",
  "packages/host-runtime",
  "test-contracts",
]

/** Folders of the packages that have a table of kinds. */
export const tablesOfKinds: readonly string[] = packagesOfKinds.filter((folder) =>
  existsSync(join(project, folder, "src/kinds/table.ts")),
)

/** A copy of the packages that know kinds, outside this repository: they resolve to each other. */
export class CopiedWorkspace {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "apeiro-cmk-sixth-kind-")))

  constructor() {
    cpSync(join(project, "tsconfig.base.json"), join(this.root, "tsconfig.base.json"))
    this.#link("")
    for (const folder of packagesOfKinds) {
      mkdirSync(join(this.root, folder), { recursive: true })
      for (const part of ["src", "package.json"]) {
        cpSync(join(project, folder, part), join(this.root, folder, part), { recursive: true })
      }
      this.#link(folder)
    }
  }

  /** Adds a folder of files; none of them may be there already. */
  add(source: string, folder: string): void {
    cpSync(source, join(this.root, folder), { recursive: true, force: false, errorOnExist: true })
  }

  /** Adds a row to a package's table of kinds, after the last one. */
  addRow(folder: string, kind: string, name: string): void {
    const table = join(this.root, folder, "src/kinds/table.ts")
    const lines = readFileSync(table, "utf8").split("\n")
    const last = lines.findLastIndex((line) => /^ {2}"?[a-z-]+"?: \w+,$/.test(line))
    if (last < 0) throw new Error(`${table} has no row`)
    lines.splice(last + 1, 0, `  "${kind}": ${name},`)
    writeFileSync(table, [`import { ${name} } from "./${kind}/kind.ts"`, ...lines].join("\n"))
  }

  /** Writes a file. @returns its path */
  write(name: string, text: string): string {
    const file = join(this.root, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }

  /** Installs a package for the profiles of a folder. */
  install(folder: string, name: string, source: string): void {
    const link = join(this.root, folder, "node_modules", name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(source, link)
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  /** Lets a folder find the copied packages, and others where they are installed for the original. */
  #link(folder: string): void {
    const modules = join(this.root, folder, "node_modules")
    mkdirSync(join(modules, "@apeiro-cmk"), { recursive: true })
    for (const each of packagesOfKinds) {
      symlinkSync(join(this.root, each), join(modules, "@apeiro-cmk", basename(each)))
    }
    const installed = join(project, folder, "node_modules")
    for (const name of existsSync(installed) ? modulesIn(installed) : []) {
      mkdirSync(dirname(join(modules, name)), { recursive: true })
      symlinkSync(realpathSync(join(installed, name)), join(modules, name))
    }
  }
}

/** Names of other parties' packages in a folder of modules. */
function modulesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith(".") && name !== "@apeiro-cmk")
    .flatMap((name) => (name.startsWith("@") ? readdirSync(join(folder, name)).map((part) => `${name}/${part}`) : name))
}
