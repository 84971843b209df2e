import { writeFileSync } from "node:fs"
import { capabilityRows, keystoreContractResults } from "../test-contracts/src/index.ts"
import { type ProvenPlugin, renderCapabilities } from "./capability-table.ts"
import { contractRuns } from "./contract-runs.ts"

/** Runs the conformance kit for every plugin and writes docs/capabilities.md; writes nothing when a case fails. */
const proven: ProvenPlugin[] = []
// The test servers alone do not keep this process alive.
const alive = setInterval(() => undefined, 1_000)
let failed = false
for (const { plugin, start } of contractRuns(process.cwd())) {
  const run = await start()
  if (run === undefined) {
    failed = true
    continue
  }
  const { backend, version, judge, options, concurrency } = run
  const results = await keystoreContractResults(options, concurrency)
  await run.stop()
  for (const { name, failure } of results) {
    if (failure === undefined) continue
    failed = true
    console.error(`FAILED ${plugin}: ${name}\n${failure instanceof Error ? failure.message : String(failure)}`)
  }
  const notProven = results.flatMap((each) => each.notProven.map((lack) => `${each.name}: there is no ${lack}`))
  proven.push({ plugin, backend, version, judge, rows: capabilityRows(options.plugin.manifest, results), notProven })
  console.log(`${plugin} on ${backend}: ${results.length} cases`)
}
clearInterval(alive)
if (failed) {
  console.error("docs/capabilities.md was not written.")
  process.exitCode = 1
} else {
  writeFileSync("docs/capabilities.md", renderCapabilities(proven, new Date().toISOString().slice(0, 10)))
  console.log("docs/capabilities.md was written.")
}
