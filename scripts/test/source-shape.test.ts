import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { importCircles, longFunctions, sourceFiles } from "../source-shape.ts"

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const roots = ["packages", "apps", "test-contracts", "bench", "scripts", "examples"]
const files = sourceFiles(roots.map((root) => join(project, root)))
const shown = (file: string) => relative(project, file)
const longestFile = 300
const longestFunction = 60

describe("the sources", () => {
  it("have no circle of files, not even by `import type`", () => {
    expect(importCircles(files).map((circle) => circle.map(shown))).toEqual([])
  })

  it(`have no file over ${longestFile} lines`, () => {
    const lines = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n").length
    expect(files.filter((file) => lines(file) > longestFile).map(shown)).toEqual([])
  })

  it(`have no function over ${longestFunction} lines, apart from tests`, () => {
    const measured = files.filter((file) => !shown(file).includes("/test/"))
    expect(longFunctions(measured, longestFunction).map(({ place, lines }) => `${shown(place)} (${lines})`)).toEqual([])
  })
})

describe("the measure of the sources", () => {
  const folder = mkdtempSync(join(tmpdir(), "apeiro-cmk-source-shape-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const written = (texts: Readonly<Record<string, string>>) => {
    const place = mkdtempSync(join(folder, "case-"))
    for (const [name, text] of Object.entries(texts)) {
      mkdirSync(dirname(join(place, name)), { recursive: true })
      writeFileSync(join(place, name), text)
    }
    return sourceFiles([place])
  }

  it("finds a circle through a third file and through types alone", () => {
    const circle = written({
      "a.ts": 'import { b } from "./b.ts"\nexport const a = b\n',
      "b.ts": 'export { c as b } from "./inner/c.ts"\n',
      "inner/c.ts": 'import type { a } from "../a.ts"\nexport const c: typeof a | 1 = 1\n',
      "d.ts": 'import { a } from "./a.ts"\nexport const d = a\n',
    })
    expect(importCircles(circle).map((each) => each.length)).toEqual([3])
  })

  it("finds none where files only share what they import", () => {
    const tree = written({
      "a.ts": 'import { c } from "./c.ts"\nexport const a = c\n',
      "b.ts": 'import { a } from "./a.ts"\nimport { c } from "./c.ts"\nexport const b = a + c\n',
      "c.ts": "export const c = 1\n",
    })
    expect(importCircles(tree)).toEqual([])
  })

  it("finds a circle through `.mts`, `.cts` and `.mjs` files", () => {
    const circle = written({
      "a.mts": 'import b from "./b.cts"\nexport const a = b\n',
      "b.cts": 'import c = require("./c.mjs")\nexport = c\n',
      "c.mjs": 'import { a } from "./a.mts"\nexport const c = () => a\n',
    })
    expect(importCircles(circle).map((each) => each.length)).toEqual([3])
  })

  it("finds a circle through the name of the package itself, and of one of its entries", () => {
    const circle = written({
      "package.json":
        '{ "name": "@scope/a", "exports": { ".": "./src/index.ts", "./part": { "default": "./src/part.ts" } } }',
      "src/index.ts": 'export { inner } from "./deep/inner.ts"\n',
      "src/deep/inner.ts": 'import { part } from "@scope/a/part"\nexport const inner = part\n',
      "src/part.ts": 'import type { inner } from "@scope/a"\nexport const part: typeof inner | 1 = 1\n',
    })
    expect(importCircles(circle).map((each) => each.length)).toEqual([3])
  })

  it("finds a circle across two packages", () => {
    const circle = written({
      "a/package.json": '{ "name": "@scope/a", "exports": { ".": "./index.ts" } }',
      "a/index.ts": 'export { b as a } from "@scope/b"\n',
      "b/package.json": '{ "name": "@scope/b", "exports": { ".": "./index.ts" } }',
      "b/index.ts": 'import { a } from "@scope/a"\nexport const b = () => a\n',
    })
    expect(importCircles(circle).map((each) => each.length)).toEqual([2])
  })

  it("finds a circle through `import()` of a text or a template, and through a type", () => {
    const circle = written({
      "a.ts": "export const a = () => import(`./b.ts`)\n",
      "b.ts": 'export const b = () => import("./c.ts")\n',
      "c.ts": 'export type C = import("./a.ts").A\n',
    })
    expect(importCircles(circle).map((each) => each.length)).toEqual([3])
  })

  it("measures functions, arrow functions and methods by their lines", () => {
    const body = "  void 0\n".repeat(4)
    const [file = ""] = written({
      "a.ts": `export function f() {\n${body}}\nexport const g = () => {\n${body}}\nexport class C {\n  m() {\n${body}  }\n}\n`,
    })
    expect(longFunctions([file], 5)).toEqual([
      { place: `${file}:1`, lines: 6 },
      { place: `${file}:7`, lines: 6 },
      { place: `${file}:14`, lines: 6 },
    ])
    expect(longFunctions([file], 6)).toEqual([])
  })

  it("measures static blocks, and functions in `.mts`, `.cts` and `.mjs` files", () => {
    const body = "  void 0\n".repeat(4)
    const texts = { "b.cts": `function f() {\n${body}}\n`, "c.mjs": `const g = () => {\n${body}}\n` }
    const measured = written({ "a.mts": `class C {\n  static {\n${body}  }\n}\n`, ...texts })
    expect(longFunctions(measured, 5)).toEqual([
      { place: `${measured[0]}:2`, lines: 6 },
      { place: `${measured[1]}:1`, lines: 6 },
      { place: `${measured[2]}:1`, lines: 6 },
    ])
  })
})
