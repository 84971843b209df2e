import { readFileSync } from "node:fs"
import ts from "typescript"

const schemaFile = new URL("../../src/schema.ts", import.meta.url)

/** Lists the columns of the `Schema` type as `table.column`: those that queries of this version can name. */
export function schemaColumns(): readonly string[] {
  const text = readFileSync(schemaFile, "utf8")
  const source = ts.createSourceFile("schema.ts", text, ts.ScriptTarget.Latest, true)
  const interfaces = new Map(source.statements.filter(ts.isInterfaceDeclaration).map((each) => [each.name.text, each]))
  const membersOf = (name: string): readonly ts.PropertySignature[] => {
    const declaration = interfaces.get(name)
    if (declaration === undefined) throw new Error(`schema.ts does not declare ${name}`)
    const bases = declaration.heritageClauses?.flatMap(({ types }) => types.map((base) => base.getText())) ?? []
    return [...declaration.members.filter(ts.isPropertySignature), ...bases.flatMap(membersOf)]
  }
  return membersOf("Schema").flatMap((table) =>
    membersOf(table.type?.getText() ?? "").map((column) => `${table.name.getText()}.${column.name.getText()}`),
  )
}
