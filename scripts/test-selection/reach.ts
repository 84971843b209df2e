import { dirname, join, normalize } from "node:path"
import type { ProjectFiles } from "./project-files.ts"
import { type Reference, reexportsOf, referencesOf } from "./references.ts"

const code = /\.(ts|mts|mjs|js)$/

/** Finds the files of the project that a file can reach when it runs. */
export class Reach {
  readonly #project: ProjectFiles
  readonly #direct = new Map<string, readonly string[]>()

  constructor(project: ProjectFiles) {
    this.#project = project
  }

  /**
   * Lists a file and everything that it reaches.
   *
   * @param enters - tells whether to follow the references of a reached file. Default: always
   */
  from(file: string, enters: (file: string) => boolean = () => true): ReadonlySet<string> {
    return closure(file, (each) => (enters(each) ? this.#directFrom(each) : []))
  }

  /** Lists a file and the modules that it imports, directly or indirectly; not the files that it starts or reads. */
  imports(file: string, enters: (file: string) => boolean): ReadonlySet<string> {
    return closure(file, (each) => (enters(each) ? this.#importsOf(each) : []))
  }

  #directFrom(file: string): readonly string[] {
    const known = this.#direct.get(file)
    if (known !== undefined) return known
    const found = this.#read(file)
    this.#direct.set(file, found)
    return found
  }

  #importsOf(file: string): readonly string[] {
    const references = this.#referencesOf(file).filter(({ kind }) => kind === "module")
    return references.flatMap((reference) => this.#targets(file, reference))
  }

  #referencesOf(file: string): readonly Reference[] {
    if (!code.test(file)) return []
    // A re-exported name leads to its source where it is imported, not where it is re-exported.
    const passedOn = reexportsOf(this.#project.text(file))
    const isPassedOn = (reference: Reference) =>
      reference.kind === "module" && reference.names?.every((name) => hasName(passedOn, reference.specifier, name))
    return referencesOf(this.#project.text(file)).filter((reference) => !isPassedOn(reference))
  }

  #read(file: string): readonly string[] {
    if (code.test(file)) return this.#referencesOf(file).flatMap((reference) => this.#targets(file, reference))
    if (!/\.ya?ml$/.test(file)) return []
    const packages = this.#project.text(file).matchAll(/@apeiro-cmk\/[\w-]+/g)
    return [...packages].flatMap(([name]) => this.#sourcesOf(name))
  }

  #targets(file: string, reference: Reference): readonly string[] {
    switch (reference.kind) {
      case "module": {
        const target = this.#resolve(file, reference.specifier)
        if (target === undefined) return []
        if (reference.names === undefined) return [target, ...this.#everythingPassedOnBy(target)]
        return reference.names.flatMap((name) => this.#sourceOfName(target, name))
      }
      case "path":
        return this.#atPath(join(dirname(file), reference.path))
      case "text":
        if (reference.text.startsWith("@apeiro-cmk/")) return this.#sourcesOf(reference.text)
        return this.#atText(normalize(reference.text))
    }
  }

  /** The modules that a name passes through: from the imported module down to its definition. */
  #sourceOfName(module: string, name: string): readonly string[] {
    const passedOn = reexportsOf(this.#project.text(module)).get(name)
    if (passedOn === undefined) return [module]
    const next = this.#resolve(module, passedOn.specifier)
    return next === undefined ? [module] : [module, ...this.#sourceOfName(next, passedOn.name)]
  }

  #everythingPassedOnBy(module: string): readonly string[] {
    return [...reexportsOf(this.#project.text(module)).keys()].flatMap((name) => this.#sourceOfName(module, name))
  }

  #resolve(file: string, specifier: string): string | undefined {
    if (specifier.startsWith(".")) {
      const target = join(dirname(file), specifier)
      return this.#project.has(target) ? target : undefined
    }
    for (const { name, entries } of this.#project.packages.values()) {
      if (specifier === name || specifier.startsWith(`${name}/`)) return entries.get(`.${specifier.slice(name.length)}`)
    }
    return undefined
  }

  /** All modules of a package that a test looks up by its name at run time. */
  #sourcesOf(name: string): readonly string[] {
    const folder = this.#project.packages.get(name)?.folder
    return folder === undefined ? [] : this.#project.beginningWith(`${folder}/src/`)
  }

  #atText(text: string): readonly string[] {
    if (this.#project.has(text)) return [text]
    return text.includes("/") ? this.#project.beginningWith(text.endsWith("/") ? text : `${text}/`) : []
  }

  /** A file, or all files of a folder; an incomplete file name stands for every file that begins with it. */
  #atPath(path: string): readonly string[] {
    if (this.#project.has(path)) return [path]
    return path.startsWith("..") || path === "." ? [] : this.#project.beginningWith(path)
  }
}

function closure(file: string, directFrom: (file: string) => readonly string[]): ReadonlySet<string> {
  const reached = new Set([file])
  for (const each of reached) for (const next of directFrom(each)) reached.add(next)
  return reached
}

function hasName(passedOn: ReturnType<typeof reexportsOf>, specifier: string, name: string): boolean {
  return [...passedOn.values()].some((each) => each.specifier === specifier && each.name === name)
}
