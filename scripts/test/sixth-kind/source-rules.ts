import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript"

/** Finds casts in the sources below a folder, apart from `as const`. @returns `file:line text` of each */
export function castsBelow(folder: string): readonly string[] {
  return sourcesBelow(folder).flatMap((source) =>
    nodesOf(source)
      .filter((node) => (ts.isAsExpression(node) && !ts.isConstTypeReference(node.type)) || isAngleCast(node))
      .map((node) => place(source, node)),
  )
}

/** Finds exports of other files' names in the sources below a folder. @param entries - files that are meant to have them */
export function reexportsBelow(folder: string, entries: readonly string[]): readonly string[] {
  return sourcesBelow(folder)
    .filter(({ fileName }) => !entries.includes(fileName))
    .flatMap((source) =>
      nodesOf(source)
        .filter(isReexport)
        .map((node) => place(source, node)),
    )
}

function isAngleCast(node: ts.Node): boolean {
  return ts.isTypeAssertionExpression(node) && !ts.isConstTypeReference(node.type)
}

function isReexport(node: ts.Node): boolean {
  return ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined
}

function sourcesBelow(folder: string): readonly ts.SourceFile[] {
  return globSync("**/*.ts", { cwd: folder })
    .filter((file) => !file.endsWith(".d.ts") && !file.includes("generated/"))
    .map((file) => join(folder, file))
    .map((file) => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true))
}

function nodesOf(source: ts.SourceFile): readonly ts.Node[] {
  const nodes: ts.Node[] = []
  const visit = (node: ts.Node) => {
    nodes.push(node)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return nodes
}

function place(source: ts.SourceFile, node: ts.Node): string {
  const { line } = source.getLineAndCharacterOfPosition(node.getStart())
  return `${source.fileName}:${line + 1} ${node.getText().slice(0, 80)}`
}
