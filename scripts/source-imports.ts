import { existsSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import ts from "typescript"
import * as z from "zod"

const conditions = z.looseObject({ default: z.string().optional(), import: z.string().optional() })
const manifest = z.object({
  name: z.string().optional(),
  exports: z.record(z.string(), z.union([z.string(), conditions])).optional(),
})

/** Parses a source file; its extension decides between TypeScript and JavaScript. */
export function parseSource(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest)
}

/** Finds which of the given files import each other, by relative path or by the name of a package that holds some of them. */
export class SourceImports {
  /** The given path of each file, by its absolute path. */
  readonly #known: ReadonlyMap<string, string>
  /** Absolute path of each package entry, by the specifier that imports it. */
  readonly #entries = new Map<string, string>()

  constructor(files: readonly string[]) {
    this.#known = new Map(files.map((file) => [resolve(file), file]))
    const folders = new Set([...this.#known.keys()].map((file) => dirname(file)))
    // Iteration over a set includes what the loop adds: so this also visits the folders above.
    for (const folder of folders) {
      if (existsSync(join(folder, "package.json"))) this.#addPackage(folder)
      else folders.add(dirname(folder))
    }
  }

  /** Lists the files that a file imports, by `import type`, `import()` and `require()` too. */
  of(file: string): readonly string[] {
    return specifiersOf(parseSource(file)).flatMap((specifier) => {
      const target = specifier.startsWith(".") ? resolve(dirname(file), specifier) : this.#entries.get(specifier)
      return target === undefined ? [] : (this.#known.get(target) ?? [])
    })
  }

  #addPackage(folder: string): void {
    const { name, exports = {} } = manifest.parse(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")))
    if (name === undefined) return
    for (const [subpath, target] of Object.entries(exports)) {
      const path = typeof target === "string" ? target : (target.default ?? target.import)
      if (path !== undefined) this.#entries.set(`${name}${subpath.slice(1)}`, join(folder, path))
    }
  }
}

function specifiersOf(source: ts.SourceFile): readonly string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) found.push(specifier.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** The node that names the module, where a node is an import or a re-export. */
function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal
  if (ts.isExternalModuleReference(node)) return node.expression
  if (!ts.isCallExpression(node)) return undefined
  const { expression } = node
  const imports =
    expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(expression) && expression.text === "require")
  return imports ? node.arguments[0] : undefined
}
