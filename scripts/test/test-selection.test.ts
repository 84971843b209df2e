import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { testRequest } from "../test-selection/arguments.ts"
import { testsReachedBy } from "../test-selection/changed-tests.ts"
import { type DeletedFiles, ProjectFiles } from "../test-selection/project-files.ts"
import { quickTests } from "../test-selection/quick-tests.ts"

const packageJson = (name: string) =>
  JSON.stringify({ name: `@apeiro-cmk/${name}`, exports: { ".": "./src/index.ts" } })

/** A workspace of two packages and the test backends; `a` imports from `b`. */
function workspace(more: Readonly<Record<string, string>> = {}, deleted?: DeletedFiles): ProjectFiles {
  const root = mkdtempSync(join(tmpdir(), "test-selection-"))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const files = {
    "packages/a/package.json": packageJson("a"),
    "packages/a/src/index.ts": 'export { left } from "./left.ts"\nexport { right } from "./right.ts"\n',
    "packages/a/src/left.ts": 'import { shared } from "@apeiro-cmk/b"\nexport const left = shared\n',
    "packages/a/src/right.ts": "export const right = 1\n",
    "packages/a/test/left.test.ts": 'import { left } from "../src/index.ts"\n',
    "packages/a/test/right.test.ts": 'import { right } from "../src/index.ts"\n',
    "packages/b/package.json": packageJson("b"),
    "packages/b/src/index.ts": 'export { shared } from "./shared.ts"\nexport type { Unused } from "./unused.ts"\n',
    "packages/b/src/shared.ts": "export const shared = 1\n",
    "packages/b/src/unused.ts": "export type Unused = string\n",
    "packages/b/src/run.ts": 'import { spawn } from "node:child_process"\n',
    "packages/b/test/shared.test.ts": 'import { shared } from "@apeiro-cmk/b"\n',
    ...more,
  }
  for (const [path, text] of Object.entries(files)) {
    if (deleted?.paths.includes(path)) continue
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return new ProjectFiles(root, deleted)
}

it("selects the tests that import a changed module, across packages and through re-exports by name", () => {
  const project = workspace()
  expect(testsReachedBy(project, ["packages/b/src/shared.ts"])).toEqual([
    "packages/a/test/left.test.ts",
    "packages/b/test/shared.test.ts",
  ])
  expect(testsReachedBy(project, ["packages/a/src/right.ts"])).toEqual(["packages/a/test/right.test.ts"])
  expect(testsReachedBy(project, ["packages/b/src/unused.ts"])).toEqual([])
})

it("selects the tests that start, read or look up a changed file", () => {
  const project = workspace({
    "packages/b/test/start.test.ts": 'const program = new URL("../src/run.ts", import.meta.url)\n',
    "packages/b/test/read.test.ts": 'const text = readFile(join(project, "docs/page.md"))\n',
    "packages/b/test/look-up.test.ts": 'const plugin = { package: "@apeiro-cmk/a" }\n',
    "packages/b/test/list.test.ts": 'const all = globSync("docs/*.md")\n',
    "docs/page.md": "# Page\n",
  })
  const always = "packages/b/test/list.test.ts"
  expect(testsReachedBy(project, ["packages/b/src/run.ts"])).toEqual([always, "packages/b/test/start.test.ts"])
  expect(testsReachedBy(project, ["docs/page.md"])).toEqual([always, "packages/b/test/read.test.ts"])
  expect(testsReachedBy(project, ["packages/a/src/right.ts"])).toContain("packages/b/test/look-up.test.ts")
  expect(testsReachedBy(project, [])).toEqual([])
})

it("selects a changed test itself, and every test when the workspace changes", () => {
  const project = workspace()
  expect(testsReachedBy(project, ["packages/a/test/right.test.ts"])).toEqual(["packages/a/test/right.test.ts"])
  expect(testsReachedBy(project, ["pnpm-lock.yaml"])).toEqual(project.tests())
})

it("selects the tests of a package and of its dependents when its manifest changes", () => {
  expect(testsReachedBy(workspace(), ["packages/b/package.json"])).toEqual([
    "packages/a/test/left.test.ts",
    "packages/b/test/shared.test.ts",
  ])
})

describe("a deleted file", () => {
  const withoutFiles = (texts: Readonly<Record<string, string>>, more?: Readonly<Record<string, string>>) => {
    const deleted = { paths: Object.keys(texts), text: (path: string) => texts[path] ?? "" }
    return testsReachedBy(workspace(more, deleted), deleted.paths)
  }

  it("selects the tests that import it, directly or through another package", () => {
    expect(withoutFiles({ "packages/b/src/shared.ts": "export const shared = 1\n" })).toEqual([
      "packages/a/test/left.test.ts",
      "packages/b/test/shared.test.ts",
    ])
  })

  it("selects the tests that reach it through another deleted file", () => {
    const texts = {
      "packages/a/src/right.ts": 'export { deep as right } from "./deep.ts"\n',
      "packages/a/src/deep.ts": "export const deep = 1\n",
    }
    expect(withoutFiles(texts)).toEqual(["packages/a/test/right.test.ts"])
    const more = { "packages/a/test/deep.test.ts": 'import { deep } from "../src/deep.ts"\n' }
    expect(withoutFiles(texts, more)).toEqual(["packages/a/test/deep.test.ts", "packages/a/test/right.test.ts"])
  })

  it("selects the tests that start it, name it, or look up its package", () => {
    const more = {
      "packages/b/test/start.test.ts": 'const program = new URL("../src/gone.ts", import.meta.url)\n',
      "packages/b/test/read.test.ts": 'const text = readFile(join(project, "packages/b/src/gone.ts"))\n',
      "packages/b/test/look-up.test.ts": 'const plugin = { package: "@apeiro-cmk/b" }\n',
    }
    expect(withoutFiles({ "packages/b/src/gone.ts": "" }, more)).toEqual([
      "packages/b/test/look-up.test.ts",
      "packages/b/test/read.test.ts",
      "packages/b/test/start.test.ts",
    ])
  })

  it("selects the dependents of a package that is gone, and no deleted test", () => {
    const texts = {
      "packages/b/package.json": packageJson("b"),
      "packages/b/src/index.ts": 'export { shared } from "./shared.ts"\n',
      "packages/b/src/shared.ts": "export const shared = 1\n",
      "packages/b/test/shared.test.ts": 'import { shared } from "@apeiro-cmk/b"\n',
    }
    expect(withoutFiles(texts)).toEqual(["packages/a/test/left.test.ts"])
  })
})

it("calls a test quick unless the test, a helper or a test backend starts a process", () => {
  const project = workspace({
    "packages/b/test/spawns.test.ts": 'import { spawn } from "node:child_process"\n',
    "packages/b/test/by-helper.test.ts": 'import { start } from "./helper.ts"\n',
    "packages/b/test/helper.ts": 'import { spawn } from "node:child_process"\nexport const start = spawn\n',
    "packages/b/test/server.test.ts": 'import { startServer } from "@apeiro-cmk/test-backends"\n',
    "packages/b/test/emulator.test.ts": 'import { startEmulator } from "@apeiro-cmk/test-backends"\n',
    "packages/b/test/contract-over-wire.test.ts": "",
    "packages/b/test/product.test.ts": 'import "../src/run.ts"\n',
    "test-contracts/backends/package.json": packageJson("test-backends"),
    "test-contracts/backends/src/index.ts":
      'export { startServer } from "./server.ts"\nexport { startEmulator } from "./emulator.ts"\n',
    "test-contracts/backends/src/server.ts":
      'import { spawn } from "node:child_process"\nexport const startServer = 1\n',
    "test-contracts/backends/src/emulator.ts": "export const startEmulator = 1\n",
  })
  const own = (name: string) => `packages/b/test/${name}.test.ts`
  const quick = quickTests(project)
  expect(quick).toEqual(expect.arrayContaining([own("shared"), own("emulator"), own("product")]))
  for (const name of ["spawns", "by-helper", "server", "contract-over-wire"]) expect(quick).not.toContain(own(name))
})

it("reads the scope of a run from its first argument, and passes the rest on to vitest", () => {
  expect(testRequest([])).toEqual({ scope: "all", passedOn: [] })
  expect(testRequest(["--project", "host"])).toEqual({ scope: "chosen", passedOn: ["--project", "host"] })
  expect(testRequest(["--quick", "-t", "x"])).toEqual({ scope: "quick", passedOn: ["-t", "x"] })
  expect(testRequest(["--changed"])).toEqual({ scope: "changed", base: undefined, passedOn: [] })
  expect(testRequest(["--changed", "HEAD~2", "--bail=1"])).toEqual({
    scope: "changed",
    base: "HEAD~2",
    passedOn: ["--bail=1"],
  })
})
