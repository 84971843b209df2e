import { globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import * as z from "zod"

/** Folders of installed and built files. */
const notOurs: ReadonlySet<string> = new Set(["node_modules", "dist", ".git", ".turbo"])

/** Manifests of the workspace's packages. Those below `examples` do not belong to it. */
const packageManifest = /^(?!examples\/)[\w-]+(\/[\w-]+)?\/package\.json$/

const manifest = z.object({
  name: z.string(),
  exports: z.record(z.string(), z.string()).optional(),
})

/** One package of the workspace. */
export interface WorkspacePackage {
  readonly name: string
  /** Relative to the project, e.g. `packages/openbao`. */
  readonly folder: string
  /** Path of each entry of `exports`, relative to the project, by its subpath (`.`, `./testing`). */
  readonly entries: ReadonlyMap<string, string>
}

/** Files that the project had before a change. */
export interface DeletedFiles {
  /** Relative to the project. */
  readonly paths: readonly string[]
  /** Returns the last text of one of these files. */
  text(path: string): string
}

/** The files of the project, and the packages among them. Deleted files count, so that their references can be followed. */
export class ProjectFiles {
  readonly root: string
  readonly all: readonly string[]
  readonly packages: ReadonlyMap<string, WorkspacePackage>
  readonly #known: ReadonlySet<string>
  readonly #deleted: DeletedFiles | undefined
  readonly #deletedPaths: ReadonlySet<string>
  readonly #sources = new Map<string, string>()

  constructor(root: string, deleted?: DeletedFiles) {
    this.root = root
    this.#deleted = deleted
    this.#deletedPaths = new Set(deleted?.paths)
    const existing = globSync("**/*", { cwd: root, withFileTypes: true, exclude: ({ name }) => notOurs.has(name) })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    this.#known = new Set([...existing, ...this.#deletedPaths])
    this.all = [...this.#known].toSorted()
    const manifests = this.all.filter((file) => packageManifest.test(file))
    this.packages = new Map(manifests.map((file) => this.#packageOf(file)).map((each) => [each.name, each]))
  }

  has(file: string): boolean {
    return this.#known.has(file)
  }

  /** Text of a file of the project; of a deleted file, its last text. */
  text(file: string): string {
    const known = this.#sources.get(file)
    if (known !== undefined) return known
    const deleted = this.#deletedPaths.has(file) ? this.#deleted : undefined
    const text = deleted?.text(file) ?? readFileSync(join(this.root, file), "utf8")
    this.#sources.set(file, text)
    return text
  }

  /** Every file whose path begins with the prefix. */
  beginningWith(prefix: string): readonly string[] {
    return this.all.filter((file) => file.startsWith(prefix))
  }

  /** Every test file that exists. */
  tests(): readonly string[] {
    return this.all.filter((file) => /(^|\/)test\/.*\.test\.ts$/.test(file) && !this.#deletedPaths.has(file))
  }

  #packageOf(file: string): WorkspacePackage {
    const folder = dirname(file)
    const { name, exports = {} } = manifest.parse(JSON.parse(this.text(file)))
    const entries = Object.entries(exports).map(([subpath, target]) => [subpath, join(folder, target)] as const)
    return { name, folder, entries: new Map(entries) }
  }
}
