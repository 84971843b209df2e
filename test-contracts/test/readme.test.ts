import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { expectedByBackend } from "../src/index.ts"

it("the README says of each kind of keystore what the kit expects of it", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")
  const lines = readme.split("\n").filter((line) => line.startsWith("|"))
  const cellsOf = (line: string | undefined) =>
    (line ?? "")
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim())
  const columns = cellsOf(lines.find((line) => line.includes("`backendType`") && line.includes("createKey"))).slice(1)
  for (const [backendType, expected] of Object.entries(expectedByBackend)) {
    const marks = cellsOf(lines.find((line) => line.startsWith(`| \`${backendType}\``))).slice(1)
    const marked = columns.flatMap((column, index) => (marks[index] === "x" ? column.split(", ") : []))
    expect(marked, backendType).toEqual(expected)
  }
})
