import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml"

/** Way to a value: keys of mappings and indexes of sequences. */
export type Path = readonly (string | number)[]

/** A place in the file, both from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A fault that was found while the text became a tree. */
interface TreeProblem {
  readonly path: Path
  readonly position: Position
  readonly message: string
}

/** A parsed YAML document that still knows where everything stood. */
export interface YamlTree {
  /** Plain data: objects, arrays, strings, finite numbers, booleans, null. */
  readonly value: unknown
  /** Empty for a sound document. */
  readonly problems: readonly TreeProblem[]
  /** Whether something stands at the path. */
  has(path: Path): boolean
  /** Where the value at a path starts; where there is none, the nearest parent's key. */
  position(path: Path, part: "key" | "value"): Position
}

/** More nodes than any profile has; aliases count each time they are used, which stops an alias bomb. */
const mostNodes = 10_000
const deepestNesting = 50
type AnchoredNode = Scalar | YAMLMap | YAMLSeq

const startOfFile: Position = { line: 1, column: 1 }

class LimitExceeded extends Error {}

/**
 * Parses YAML 1.2 (core schema, no custom tags, no merge keys). Faults are returned, not thrown: syntax errors,
 * duplicate keys, keys that are no text, unknown tags, and more nodes or nesting than a profile can need.
 */
export function parseYamlTree(text: string): YamlTree {
  const lines = new LineCounter()
  const problems: TreeProblem[] = []
  const places = new Map<string, { key?: Position; value: Position }>()
  const at = (offset: number | undefined): Position => {
    if (offset === undefined) return startOfFile
    const { line, col } = lines.linePos(offset)
    return line === 0 ? startOfFile : { line, column: col }
  }
  const tree = (value: unknown): YamlTree => ({
    value,
    problems,
    has: (path) => places.has(JSON.stringify(path)),
    position: (path, part) => locate(places, path, part),
  })

  try {
    // prettyErrors would put lines of the file, and with them values, into the messages.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
    for (const fault of [...document.errors, ...document.warnings]) {
      problems.push({ path: [], position: at(fault.pos[0]), message: fault.message })
    }
    if (problems.length > 0) return tree(undefined)

    // Kept here since the library searches the whole document for each alias.
    const anchors = new Map<string, AnchoredNode>()
    let nodes = 0
    const visit = (node: Alias | AnchoredNode | null, path: Path, key: Position | undefined): unknown => {
      nodes += 1
      if (nodes > mostNodes) throw new LimitExceeded(`more than ${mostNodes} values, counting each use of an alias`)
      if (path.length > deepestNesting) throw new LimitExceeded(`nested more than ${deepestNesting} levels deep`)
      const value = node?.range == null ? (key ?? startOfFile) : at(node.range[0])
      places.set(JSON.stringify(path), { ...(key === undefined ? {} : { key }), value })
      if (isAlias(node)) return visitAlias(node, path, key, value)
      if (node?.anchor !== undefined) anchors.set(node.anchor, node)
      if (isMap(node)) return visitMapping(node, path)
      if (isSeq(node)) return node.items.map((item, index) => visit(asNode(item), [...path, index], undefined))
      if (isScalar(node)) return visitScalar(node, path, value)
      return null
    }
    const visitAlias = (alias: Alias, path: Path, key: Position | undefined, position: Position): unknown => {
      const target = anchors.get(alias.source)
      if (target !== undefined) return visit(target, path, key ?? position)
      problems.push({ path, position, message: `nothing before this has the anchor &${alias.source}` })
      return null
    }
    const visitScalar = (node: Scalar, path: Path, position: Position): unknown => {
      const { value } = node
      if (value === null || typeof value === "string" || typeof value === "boolean") return value
      if (typeof value === "number" && Number.isFinite(value)) return value
      problems.push({ path, position, message: "expected text, a finite number, true, false or null" })
      return null
    }
    const visitMapping = (node: YAMLMap, path: Path): unknown => {
      const mapping: Record<string, unknown> = {}
      for (const pair of node.items) {
        const keyNode = asNode(pair.key)
        const position = at(keyNode?.range?.[0])
        const key = isScalar(keyNode) ? keyNode.value : undefined
        if (typeof key !== "string" || key === "__proto__") {
          problems.push({ path, position, message: "a key must be text, and not `__proto__`" })
          continue
        }
        const keyPath = [...path, key]
        const earlier = places.get(JSON.stringify(keyPath))
        if (Object.hasOwn(mapping, key) && earlier?.key !== undefined) {
          problems.push({ path: keyPath, position, message: `this key is already set in line ${earlier.key.line}` })
          continue
        }
        mapping[key] = visit(asNode(pair.value), keyPath, position)
      }
      return mapping
    }
    return tree(visit(asNode(document.contents), [], undefined))
  } catch (error) {
    const message = limitMessage(error)
    if (message === undefined) throw error
    problems.push({ path: [], position: startOfFile, message })
    return tree(undefined)
  }
}

/** The library's types leave the items of a parsed collection open. */
function asNode(value: unknown): Alias | AnchoredNode | null {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value) ? value : null
}

/** A RangeError is the parser's own stack running out on nested brackets. */
function limitMessage(error: unknown): string | undefined {
  if (error instanceof LimitExceeded) return `the file has ${error.message}`
  return error instanceof RangeError ? "the file is nested too deeply" : undefined
}

function locate(places: Map<string, { key?: Position; value: Position }>, path: Path, part: "key" | "value"): Position {
  const exact = places.get(JSON.stringify(path))
  if (exact !== undefined) return part === "key" ? (exact.key ?? exact.value) : exact.value
  return path.length === 0 ? startOfFile : locate(places, path.slice(0, -1), "key")
}
