import { relative } from "node:path"
import type { Reporter, TestModule } from "vitest/node"
import { type CaseList, caseListVariable, lostCases, readCaseList, writeCaseList } from "./case-list.ts"

/**
 * Names each case that the previous full run had and this full run does not, and stores the cases of this run for the next
 * one. Partial runs are neither compared nor stored.
 */
export class LostCasesReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const path = process.env[caseListVariable]
    if (path === undefined) return
    const before = readCaseList(path)
    const cases = casesOf(modules)
    if (before !== undefined) printLost(before, cases)
    // A file that failed to load hides its cases, so the previous list stays until they reappear.
    if (modules.some((module) => module.errors().length > 0)) return
    writeCaseList(path, { ranAt: new Date().toISOString(), project: process.cwd(), cases })
  }
}

function printLost(before: CaseList, cases: CaseList["cases"]): void {
  const lost = lostCases(before.cases, cases)
  if (lost.length === 0) return
  const lines = lost.map(({ name, file }) => `  ${file}: ${name}`)
  const origin = `the run of ${before.ranAt} in ${before.project}`
  process.stdout.write(`\nLost cases, compared with ${origin}: ${lost.length}\n${lines.join("\n")}\n`)
}

function casesOf(modules: readonly TestModule[]): CaseList["cases"] {
  const cases: Record<string, string[]> = {}
  for (const module of modules) {
    const file = relative(process.cwd(), module.moduleId)
    for (const { fullName } of module.children.allTests()) {
      cases[fullName] ??= []
      cases[fullName].push(file)
    }
  }
  return cases
}
