import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { lostCases, readCaseList, writeCaseList } from "../test-report/case-list.ts"

it("names a case that is gone, and not one that moved to another file", () => {
  const before = { "adds up": ["a.test.ts"], "takes away": ["a.test.ts"] }
  expect(lostCases(before, { "adds up": ["b.test.ts"], multiplies: ["a.test.ts"] })).toEqual([
    { name: "takes away", file: "a.test.ts" },
  ])
})

it("counts cases of the same name, and names the file that lost one", () => {
  const before = { refuses: ["a.test.ts", "b.test.ts", "b.test.ts"] }
  expect(lostCases(before, { refuses: ["a.test.ts", "b.test.ts"] })).toEqual([{ name: "refuses", file: "b.test.ts" }])
  expect(lostCases(before, { refuses: ["b.test.ts", "b.test.ts"] })).toEqual([{ name: "refuses", file: "a.test.ts" }])
  expect(lostCases(before, { refuses: ["c.test.ts", "d.test.ts", "e.test.ts"] })).toEqual([])
})

it("keeps a list across runs, and treats a damaged one as missing", () => {
  const folder = mkdtempSync(join(tmpdir(), "case-list-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, "below/test-cases.json")
  expect(readCaseList(path)).toBeUndefined()
  const list = { ranAt: "2026-01-01T00:00:00.000Z", project: "/clone", cases: { "adds up": ["a.test.ts"] } }
  writeCaseList(path, list)
  expect(readCaseList(path)).toEqual(list)
  writeFileSync(path, "{")
  expect(readCaseList(path)).toBeUndefined()
})
