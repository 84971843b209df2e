/**
 * Calls to keystores whose network fails: by how much each call exceeds its deadline, whether the next call succeeds, and
 * what stays open. Each plugin behind a fault proxy, each fault with each operation.
 */
import { parseArgs } from "node:util"
import { expectedOutcomes, type FaultCell, faultOperations, faults, runFaultCell } from "@apeiro-cmk/test-contracts"
import { figure, type ReportRow, rowWithTarget, table, targetTable, writeReport } from "../src/index.ts"
import { median } from "../src/statistics.ts"
import { type FaultContestant, startOpenBaoContestant } from "./faults/openbao.ts"

const callTimeoutMs = 400
/** Our own target: how far past its deadline a call may end. */
const overrunTarget = { kind: "at most", bound: 100 } as const
const nothing = { kind: "at most", bound: 0 } as const

const usage = `npm run bench -- faults [--rounds N] [--json FILE]

  --rounds N   rounds of the whole matrix; about 25 s each (default 5)
  --json FILE  writes the figures as JSON`

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

/** Every round of one cell. */
interface CellRounds {
  readonly name: string
  readonly rounds: readonly FaultCell[]
}

if (values.help) process.stdout.write(`${usage}\n`)
else await benchmark(Number(values.rounds))

async function benchmark(rounds: number): Promise<void> {
  const contestants = [await startOpenBaoContestant(callTimeoutMs)]
  try {
    const cells: CellRounds[] = []
    for (const contestant of contestants) cells.push(...(await runMatrix(contestant, rounds)))
    const rows = rowsOf(cells)
    process.stdout.write(`${cellTable(cells)}\n\n${targetTable(rows)}\n`)
    if (values.json !== undefined)
      await writeReport(values.json, { benchmark: "faults", rows: [...rows, ...rowPerCell(cells)] })
    process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0
  } finally {
    for (const contestant of contestants) await contestant.stop()
  }
}

async function runMatrix(contestant: FaultContestant, rounds: number): Promise<readonly CellRounds[]> {
  const cells = faults.flatMap((fault) =>
    faultOperations.map((operation) => ({ name: `${contestant.name} ${fault} ${operation}`, fault, operation })),
  )
  const seen = new Map<string, FaultCell[]>()
  for (let round = 1; round <= rounds; round += 1) {
    process.stderr.write(`${contestant.name}: round ${round} of ${rounds}\n`)
    for (const { name, fault, operation } of cells) {
      seen.set(name, [...(seen.get(name) ?? []), await runFaultCell(contestant, fault, operation)])
    }
  }
  return [...seen].map(([name, each]) => ({ name, rounds: each }))
}

function cellTable(cells: readonly CellRounds[]): string {
  const head = ["plugin, fault, operation", "ended with", "median ms", "worst overrun ms", "then", "open sockets"]
  const lines = cells.map(({ name, rounds }) => [
    name,
    [...new Set(rounds.flatMap(codesOf))].join(", "),
    figure(median(rounds.map(({ elapsedMs }) => elapsedMs))),
    figure(worstOverrunMs(rounds)),
    rounds.every(({ stillBroken }) => stillBroken === undefined) ? "works" : "BROKEN",
    String(Math.max(...rounds.map(({ leakedSockets }) => leakedSockets))),
  ])
  return `${callTimeoutMs} ms a call, three at once\n${table(head, lines)}`
}

function rowsOf(cells: readonly CellRounds[]): readonly ReportRow[] {
  const all = cells.flatMap(({ rounds }) => rounds)
  const wrong = all.filter((cell) => codesOf(cell).some((code) => code !== expectedOutcomes[cell.fault].code))
  const broken = all.filter(({ stillBroken }) => stillBroken !== undefined)
  const sockets = all.reduce((sum, { leakedSockets }) => sum + leakedSockets, 0)
  return [
    rowWithTarget(
      { metric: "latest end of a call behind its deadline", value: worstOverrunMs(all), unit: "ms" },
      overrunTarget,
    ),
    rowWithTarget({ metric: "cells that ended with another code", value: wrong.length, unit: "cells" }, nothing),
    rowWithTarget({ metric: "cells whose next call failed", value: broken.length, unit: "cells" }, nothing),
    rowWithTarget({ metric: "sockets left open", value: sockets, unit: "sockets" }, nothing),
  ]
}

function rowPerCell(cells: readonly CellRounds[]): readonly ReportRow[] {
  return cells.map(({ name, rounds }) => ({ metric: `${name}: overrun`, value: worstOverrunMs(rounds), unit: "ms" }))
}

function worstOverrunMs(cells: readonly FaultCell[]): number {
  return Math.max(...cells.map(({ overrunMs }) => overrunMs))
}

function codesOf({ outcomes }: FaultCell): readonly string[] {
  return outcomes.map((outcome) => ("code" in outcome ? outcome.code : "answered"))
}
