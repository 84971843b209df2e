import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { capabilityRows, keystoreContractCases } from "../../test-contracts/src/index.ts"
import { type ProvenPlugin, renderCapabilities, stablePart } from "../capability-table.ts"
import { contractRuns } from "../contract-runs.ts"

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const written = () => readFileSync(join(project, "docs/capabilities.md"), "utf8")

it("docs/capabilities.md states what the plugins' contract tests prove (to update it: npm run capabilities)", async (test) => {
  const expected: ProvenPlugin[] = []
  for (const { plugin, start } of contractRuns(project)) {
    const run = await start()
    if (run === undefined) return test.skip(`${plugin} has no keystore here`)
    const { backend, version, judge, options } = run
    await run.stop()
    // The plugin's contract tests, in the same run of all tests, prove that each case passes.
    const rows = capabilityRows(options.plugin.manifest, keystoreContractCases(options))
    expected.push({ plugin, backend, version, judge, rows, notProven: [] })
  }
  expect(stablePart(written())).toBe(stablePart(renderCapabilities(expected, "")))
})

it("ignores the date and the results of a run", () => {
  const row = { ability: "createKey", outcome: "passed", detail: "2 cases" } as const
  const plugin = { plugin: "p", backend: "B", version: "1", judge: "emulator", rows: [row], notProven: [] }
  const table = renderCapabilities([plugin], "2026-01-01")
  expect(table).toContain("## p on B 1 (emulator)")
  expect(table).toContain("| createKey | passed | 2 cases |")
  const later = renderCapabilities([{ ...plugin, notProven: ["a case: there is no backend.x"] }], "2026-01-02")
  expect(later).not.toBe(table)
  expect(stablePart(later)).toBe(stablePart(table))
  const failed = renderCapabilities([{ ...plugin, rows: [{ ...row, outcome: "failed" }] }], "2026-01-01")
  expect(stablePart(failed)).not.toBe(stablePart(table))
})
