import { globSync } from "node:fs"
import ts from "typescript"
import { parseSource, SourceImports } from "./source-imports.ts"

/** Lists the TypeScript files and ECMAScript modules (`.mjs`) below folders, without generated code. */
export function sourceFiles(folders: readonly string[]): readonly string[] {
  return folders
    .flatMap((folder) =>
      globSync(`${folder}/**/*.{ts,tsx,mts,cts,mjs}`, { exclude: (path) => /(^|\/)(node_modules|dist)$/.test(path) }),
    )
    .filter((file) => !file.includes("/generated/"))
    .toSorted()
}

/** Finds groups of files that import each other: by path or package name, and by `import type` too. */
export function importCircles(files: readonly string[]): readonly (readonly string[])[] {
  const imports = new SourceImports(files)
  const edges = new Map(files.map((file) => [file, imports.of(file)]))
  return new StrongComponents(edges).all.filter((component) => component.length > 1)
}

/** A function and its length. */
export interface FunctionLength {
  readonly place: string
  readonly lines: number
}

/** Finds functions and static blocks of more than `limit` lines, from the first line of the signature to the closing brace. */
export function longFunctions(files: readonly string[], limit: number): readonly FunctionLength[] {
  return files.flatMap((file) => {
    const source = parseSource(file)
    const long: FunctionLength[] = []
    const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line
    const visit = (node: ts.Node): void => {
      if (hasBody(node)) {
        const first = lineOf(node.getStart(source))
        const lines = lineOf(node.end) - first + 1
        if (lines > limit) long.push({ place: `${file}:${first + 1}`, lines })
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
    return long
  })
}

function hasBody(node: ts.Node): boolean {
  if (ts.isClassStaticBlockDeclaration(node)) return true
  return ts.isFunctionLike(node) && "body" in node && node.body !== undefined
}

/** Strongly connected components of a graph, by Tarjan's algorithm. */
class StrongComponents {
  readonly all: string[][] = []
  readonly #edges: ReadonlyMap<string, readonly string[]>
  readonly #order = new Map<string, number>()
  readonly #open: string[] = []

  constructor(edges: ReadonlyMap<string, readonly string[]>) {
    this.#edges = edges
    for (const node of edges.keys()) if (!this.#order.has(node)) this.#visit(node)
  }

  #visit(node: string): number {
    const order = this.#order.size
    this.#order.set(node, order)
    this.#open.push(node)
    let lowest = order
    for (const next of this.#edges.get(node) ?? []) {
      const seen = this.#order.get(next)
      if (seen === undefined) lowest = Math.min(lowest, this.#visit(next))
      else if (this.#open.includes(next)) lowest = Math.min(lowest, seen)
    }
    if (lowest === order) this.all.push(this.#open.splice(this.#open.indexOf(node)))
    return lowest
  }
}
