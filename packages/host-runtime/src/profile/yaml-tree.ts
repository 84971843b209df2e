/** Way to a value: keys of mappings and indexes of sequences. */
export type Path = readonly (string | number)[]

/** A place in the file, both from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A fault that was found while the text became a tree. */
export interface TreeProblem {
  readonly path: Path
  readonly position: Position
  readonly message: string
}

/** A parsed YAML document that still knows the place of each value. */
export interface YamlTree {
  /** Plain data: objects, arrays, strings, finite numbers, booleans, null. */
  readonly value: unknown
  /** Empty for a sound document. */
  readonly problems: readonly TreeProblem[]
  /** Tells whether there is a value at the path. */
  has(path: Path): boolean
  /** Returns where the value at a path starts; where there is none, the nearest parent's key. */
  position(path: Path, part: "key" | "value"): Position
}

/** Where a document without any place begins. */
export const startOfFile: Position = { line: 1, column: 1 }

/** Where each value of a document and its key begin. */
export class Places {
  readonly #places = new Map<string, { readonly key?: Position; readonly value: Position }>()

  set(path: Path, key: Position | undefined, value: Position): void {
    this.#places.set(JSON.stringify(path), { ...(key === undefined ? {} : { key }), value })
  }

  has(path: Path): boolean {
    return this.#places.has(JSON.stringify(path))
  }

  keyAt(path: Path): Position | undefined {
    return this.#places.get(JSON.stringify(path))?.key
  }

  /** Returns where the value at a path starts; where there is none, the nearest parent's key. */
  position(path: Path, part: "key" | "value"): Position {
    const exact = this.#places.get(JSON.stringify(path))
    if (exact !== undefined) return part === "key" ? (exact.key ?? exact.value) : exact.value
    return path.length === 0 ? startOfFile : this.position(path.slice(0, -1), "key")
  }
}
