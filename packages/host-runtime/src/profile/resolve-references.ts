import type { ProfileProblem } from "../errors.ts"
import { problemAt } from "./profile-text.ts"
import {
  isReferenceLike,
  type PlacedReference,
  type Reference,
  referenceSchema,
  resolveReference,
} from "./reference.ts"
import type { Path, YamlTree } from "./yaml-tree.ts"

/** The sources in the order of the documentation. */
const sources = ["env", "file", "credential"]

/** A document whose references are resolved. */
export interface ResolvedTree {
  /** The document with values instead of references; `credential` references inside plugin configurations stay. */
  readonly value: unknown
  readonly references: readonly PlacedReference[]
  readonly problems: readonly ProfileProblem[]
}

/** Places that a profile's references are read from. */
export interface ReferenceScope {
  readonly file: string
  readonly folder: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Replaces the references of a parsed document. It works on the tree alone: the value of a reference is inserted as one
 * text and never parsed, so it cannot add keys. References are allowed where the schema says so and anywhere in a
 * plugin's configuration; elsewhere (which package to load, the mode) a mapping is left for the schema to refuse.
 */
export async function resolveReferences(tree: YamlTree, scope: ReferenceScope): Promise<ResolvedTree> {
  const resolver = new ReferenceResolver(tree, scope)
  const value = await resolver.resolve(tree.value, [])
  return { value, references: resolver.references, problems: resolver.problems }
}

/** Replaces references, and notes each one and each fault on the way. */
class ReferenceResolver {
  readonly references: PlacedReference[] = []
  readonly problems: ProfileProblem[] = []
  readonly #tree: YamlTree
  readonly #scope: ReferenceScope

  constructor(tree: YamlTree, scope: ReferenceScope) {
    this.#tree = tree
    this.#scope = scope
  }

  async resolve(value: unknown, path: Path): Promise<unknown> {
    if (isReferenceLike(value) && mayStandAt(path)) {
      const parsed = referenceSchema.safeParse(value)
      if (!parsed.success) {
        return this.#refuse(path, describeFault(value), isSource(value.source) ? undefined : sources)
      }
      this.references.push({ path, reference: parsed.data })
      return this.#substitute(parsed.data, path)
    }
    if (Array.isArray(value)) return Promise.all(value.map((item, index) => this.resolve(item, [...path, index])))
    if (typeof value !== "object" || value === null) return value
    const entries = Object.entries(value).map(
      async ([key, item]) => [key, await this.resolve(item, [...path, key])] as const,
    )
    return Object.fromEntries(await Promise.all(entries))
  }

  async #substitute(reference: Reference, path: Path): Promise<unknown> {
    if (reference.source === "credential") {
      if (isInConfiguration(path)) return reference
      return this.#refuse(path, "a stored credential can be used in a plugin's configuration only", ["env", "file"])
    }
    const resolution = await resolveReference(reference, this.#scope.folder, this.#scope.environment)
    if (!resolution.ok) return this.#refuse(path, resolution.message)
    return isPort(path) && /^\d{1,5}$/.test(resolution.text) ? Number(resolution.text) : resolution.text
  }

  #refuse(path: Path, message: string, allowed?: readonly string[]): null {
    const { file } = this.#scope
    this.problems.push(problemAt(file, this.#tree.position(path, "value"), path, message, allowed))
    return null
  }
}

function describeFault(value: Record<string, unknown>): string {
  if (!isSource(value.source)) return "`source` marks a reference, and this source is unknown"
  if (value.source === "file") return "a file reference is written {source: file, file: {path: PATH}}, nothing else"
  return `this reference is written {source: ${value.source}, ${value.source}: NAME}, nothing else`
}

function isSource(value: unknown): value is string {
  return typeof value === "string" && sources.includes(value)
}

function isInConfiguration(path: Path): boolean {
  return path[0] === "plugins" && path[2] === "configuration" && path.length > 3
}

function isPort(path: Path): boolean {
  return path[0] === "listeners" && path.at(-1) === "port"
}

const referencedRoots = ["listeners", "persistence", "dataDirectory", "credentialDirectory", "credentialStore"]

function mayStandAt(path: Path): boolean {
  return isInConfiguration(path) || referencedRoots.some((root) => path[0] === root)
}
