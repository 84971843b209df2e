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
import { type Path, Places, type Position, startOfFile, type TreeProblem, type YamlTree } from "./yaml-tree.ts"

/** More nodes than any profile has; aliases count each time they are used, which stops an alias bomb. */
const mostNodes = 10_000
const deepestNesting = 50
type AnchoredNode = Scalar | YAMLMap | YAMLSeq

class LimitExceeded extends Error {}

/**
 * Parses YAML 1.2 (core schema, no custom tags, no merge keys). Faults are returned, not thrown: syntax errors,
 * duplicate keys, keys that are not text, unknown tags, and more nodes or nesting than a profile can need.
 */
export function parseYamlTree(text: string): YamlTree {
  const reader = new TreeReader()
  let value: unknown
  try {
    value = reader.read(text)
  } catch (error) {
    const message = limitMessage(error)
    if (message === undefined) throw error
    reader.problems.push({ path: [], position: startOfFile, message })
  }
  const { problems, places } = reader
  return { value, problems, has: (path) => places.has(path), position: (path, part) => places.position(path, part) }
}

/** Turns one document into plain data, and notes each place and each fault on the way. */
class TreeReader {
  readonly problems: TreeProblem[] = []
  readonly places = new Places()
  readonly #lines = new LineCounter()
  // Kept here since the library searches the whole document for each alias.
  readonly #anchors = new Map<string, AnchoredNode>()
  #nodes = 0

  /** @returns `undefined` when the text is not YAML */
  read(text: string): unknown {
    // prettyErrors would put lines of the file, and with them values, into the messages.
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false })
    for (const fault of [...document.errors, ...document.warnings]) {
      this.problems.push({ path: [], position: this.#at(fault.pos[0]), message: fault.message })
    }
    return this.problems.length > 0 ? undefined : this.#visit(asNode(document.contents), [], undefined)
  }

  #visit(node: Alias | AnchoredNode | null, path: Path, key: Position | undefined): unknown {
    this.#nodes += 1
    if (this.#nodes > mostNodes) {
      throw new LimitExceeded(`more than ${mostNodes} values, counting each use of an alias`)
    }
    if (path.length > deepestNesting) throw new LimitExceeded(`nested more than ${deepestNesting} levels deep`)
    const position = node?.range == null ? (key ?? startOfFile) : this.#at(node.range[0])
    this.places.set(path, key, position)
    if (isAlias(node)) return this.#visitAlias(node, path, key, position)
    if (node?.anchor !== undefined) this.#anchors.set(node.anchor, node)
    if (isMap(node)) return this.#visitMapping(node, path)
    if (isSeq(node)) return node.items.map((item, index) => this.#visit(asNode(item), [...path, index], undefined))
    return isScalar(node) ? this.#visitScalar(node, path, position) : null
  }

  #visitAlias(alias: Alias, path: Path, key: Position | undefined, position: Position): unknown {
    const target = this.#anchors.get(alias.source)
    if (target !== undefined) return this.#visit(target, path, key ?? position)
    return this.#refuse(path, position, `nothing before this has the anchor &${alias.source}`)
  }

  #visitScalar({ value }: Scalar, path: Path, position: Position): unknown {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value
    if (typeof value === "number" && Number.isFinite(value)) return value
    return this.#refuse(path, position, "expected text, a finite number, true, false or null")
  }

  #visitMapping(node: YAMLMap, path: Path): unknown {
    const mapping: Record<string, unknown> = {}
    for (const pair of node.items) {
      const keyNode = asNode(pair.key)
      const position = this.#at(keyNode?.range?.[0])
      const key = isScalar(keyNode) ? keyNode.value : undefined
      if (typeof key !== "string" || key === "__proto__") {
        this.#refuse(path, position, "a key must be text, and not `__proto__`")
        continue
      }
      const keyPath = [...path, key]
      const earlier = Object.hasOwn(mapping, key) ? this.places.keyAt(keyPath) : undefined
      if (earlier === undefined) mapping[key] = this.#visit(asNode(pair.value), keyPath, position)
      else this.#refuse(keyPath, position, `this key is already set in line ${earlier.line}`)
    }
    return mapping
  }

  #refuse(path: Path, position: Position, message: string): null {
    this.problems.push({ path, position, message })
    return null
  }

  #at(offset: number | undefined): Position {
    if (offset === undefined) return startOfFile
    const { line, col } = this.#lines.linePos(offset)
    return line === 0 ? startOfFile : { line, column: col }
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
