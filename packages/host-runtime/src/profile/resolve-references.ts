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

/** What became of a document's references. */
export interface ResolvedTree {
  /** The document with values in place of references; `credential` references inside plugin configurations stay. */
  readonly value: unknown
  readonly references: readonly PlacedReference[]
  readonly problems: readonly ProfileProblem[]
}

/** From where a profile's references are read. */
export interface ReferenceScope {
  readonly file: string
  readonly folder: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Replaces the references of a parsed document. Works on the tree alone: what a reference stands for is put in as one
 * text and never parsed, so no value can add keys. References may stand where the schema says so and anywhere in a
 * plugin's configuration; elsewhere (which package to load, the mode) a mapping is left for the schema to refuse.
 */
export async function resolveReferences(tree: YamlTree, scope: ReferenceScope): Promise<ResolvedTree> {
  const references: PlacedReference[] = []
  const problems: ProfileProblem[] = []
  const refuse = (path: Path, message: string, allowed?: readonly string[]): null => {
    problems.push(problemAt(scope.file, tree.position(path, "value"), path, message, allowed))
    return null
  }

  const replace = async (value: unknown, path: Path): Promise<unknown> => {
    if (isReferenceLike(value) && mayStandAt(path)) {
      const parsed = referenceSchema.safeParse(value)
      if (!parsed.success) return refuse(path, sayMalformed(value), isSource(value.source) ? undefined : sources)
      references.push({ path, reference: parsed.data })
      return substitute(parsed.data, path)
    }
    if (Array.isArray(value)) return Promise.all(value.map((item, index) => replace(item, [...path, index])))
    if (typeof value !== "object" || value === null) return value
    const entries = Object.entries(value).map(
      async ([key, item]) => [key, await replace(item, [...path, key])] as const,
    )
    return Object.fromEntries(await Promise.all(entries))
  }
  const substitute = async (reference: Reference, path: Path): Promise<unknown> => {
    if (reference.source === "credential") {
      if (isInConfiguration(path)) return reference
      return refuse(path, "a stored credential can be used in a plugin's configuration only", ["env", "file"])
    }
    const resolution = await resolveReference(reference, scope.folder, scope.environment)
    if (!resolution.ok) return refuse(path, resolution.message)
    return isPort(path) && /^\d{1,5}$/.test(resolution.text) ? Number(resolution.text) : resolution.text
  }

  return { value: await replace(tree.value, []), references, problems }
}

function sayMalformed(value: Record<string, unknown>): string {
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
