import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { type TestEngine, testEngines } from "./support/engines.ts"
import { schemaColumns } from "./support/schema-columns.ts"

const engines = await testEngines()

const listColumns: Readonly<Record<TestEngine["name"], string>> = {
  SQLite:
    "select tables.name || '.' || columns.name as name from sqlite_schema as tables join pragma_table_info(tables.name) as columns where tables.type = 'table'",
  PostgreSQL:
    "select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'",
}

/** Lists the columns that the migrations make, as the database itself reports them. */
async function migratedColumns(engine: TestEngine): Promise<readonly string[]> {
  const { open, sql } = await engine.createDatabase()
  await (await open()).close()
  const rows = await sql(listColumns[engine.name])
  return rows.map(({ name }) => String(name)).filter((name) => !name.startsWith("kysely_"))
}

/** Reads the table "Columns that wait" of the README: column or whole table, and what this version does with it. */
function listed(): readonly { readonly name: string; readonly today: string }[] {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
  const section = readme.split("\n### ").find((part) => part.startsWith("Columns that wait")) ?? ""
  const rows = section.split("\n").filter((line) => line.startsWith("| `"))
  return rows.flatMap((row) => {
    const [, columns = "", today = ""] = row.split("|").map((cell) => cell.trim())
    return [...columns.matchAll(/`([a-z0-9_.]+)`/g)].map(([, name = ""]) => ({ name, today }))
  })
}

const unused = listed().flatMap(({ name, today }) => (today === "unused" ? [name] : []))
const withoutEffect = listed().flatMap(({ name, today }) => (today === "unused" ? [] : [name]))

describe.each(engines)("the list of columns that wait for a capability, on $name", (engine) => {
  it("shows exactly those columns as unused that the migrations make and no query can name", async () => {
    const queried = new Set(schemaColumns())
    const migrated = await migratedColumns(engine)
    const left = migrated.filter((name) => !queried.has(name))
    const isWhole = (table: string) => unused.includes(table)
    const wholeTables = new Set(left.map((name) => name.slice(0, name.indexOf("."))).filter(isWhole))
    const expected = [...left.filter((name) => !isWhole(name.slice(0, name.indexOf(".")))), ...wholeTables]
    expect(unused.toSorted()).toEqual(expected.toSorted())
  })

  it("rests on a schema whose every column a migration makes", async () => {
    expect(await migratedColumns(engine)).toEqual(expect.arrayContaining([...schemaColumns()]))
  })
})

describe("the list of columns that wait for a capability", () => {
  it("names a whole table only if no query can name any of its columns", () => {
    const queriedTables = new Set(schemaColumns().map((name) => name.slice(0, name.indexOf("."))))
    const wholeTables = unused.filter((name) => !name.includes("."))
    expect(wholeTables).not.toHaveLength(0)
    expect(wholeTables.filter((table) => queriedTables.has(table))).toEqual([])
  })

  it("names as without effect only columns that queries can name", () => {
    expect(withoutEffect).not.toHaveLength(0)
    expect(schemaColumns()).toEqual(expect.arrayContaining([...withoutEffect]))
  })
})
