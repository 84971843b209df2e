/**
 * Revocations under faults: how long after a revocation at the keystore the last data key leaves the host, while the host's
 * process is stopped, its audit table is locked, or the keystore's cluster is partitioned.
 *
 * Needs Linux. Takes about eight minutes.
 */
import { parseArgs } from "node:util"
import { figure, rowWithTarget, table, targetTable, writeReport } from "@apeiro-cmk/bench"
import { type FaultName, faults } from "./revocations/faults.ts"
import { type FaultResult, leaseMs, measureFault } from "./revocations/measure.ts"

const usage = `npm run bench -- revocations [--faults NAME,...] [--rounds N] [--tenants N] [--json FILE]

  --faults NAME,...  only these: ${Object.keys(faults).join(", ")}
  --rounds N         rounds of each fault; in each, every tenant revokes once (default 7)
  --tenants N        tenants, each with a key of its own and two clients (default 3)
  --json FILE        writes the figures as JSON`

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: Object.keys(faults).join(",") },
    rounds: { type: "string", default: "7" },
    tenants: { type: "string", default: "3" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

/** An answer that was sent at the bound reaches the client a little later. */
const allowedOverrunMs = 50

if (values.help) process.stdout.write(`${usage}\n`)
else await benchmark()

async function benchmark(): Promise<void> {
  const results: FaultResult[] = []
  for (const name of chosenFaults()) {
    const progress = (line: string) => process.stderr.write(`${name}: ${line}\n`)
    results.push(await measureFault(name, { rounds: Number(values.rounds), tenants: Number(values.tenants), progress }))
  }
  const rows = results.map(({ fault, revocations, answersAfterBound }) =>
    rowWithTarget(
      {
        metric: `answers after the bound, ${fault}, ${revocations} revocations`,
        value: answersAfterBound(allowedOverrunMs),
        unit: "answers",
      },
      { kind: "at most", bound: 0 },
    ),
  )
  const lines = results.map(({ fault, revocations, answers, latestMs }) => [
    fault,
    String(revocations),
    String(answers),
    figure(latestMs),
  ])
  const head = ["fault", "revocations", "data keys in all", "last one after the revocation, ms"]
  process.stdout.write(`lease ${leaseMs} ms\n${table(head, lines)}\n\n${targetTable(rows)}\n`)
  if (values.json !== undefined) await writeReport(values.json, { benchmark: "revocations", rows })
  process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0
}

function chosenFaults(): readonly FaultName[] {
  const wanted = values.faults.split(",")
  const unknown = wanted.find((name) => !Object.hasOwn(faults, name))
  if (unknown !== undefined) throw new Error(`There is no fault "${unknown}": ${Object.keys(faults).join(", ")}.`)
  return wanted as FaultName[]
}
