/**
 * Plugins as processes: start-up time, memory, and calls per second, under upstream's Go
 * host and under ours, each against a Go plugin under the Go host. One call describes one key.
 */
import { parseArgs } from "node:util"
import { figure, type ReportRow, rowWithTarget, table, targetTable, writeReport } from "../src/index.ts"
import { processUsage } from "../src/process-usage.ts"
import { median } from "../src/statistics.ts"
import {
  buildExecutables,
  connect,
  type Executable,
  type Executables,
  inProcess,
  underGoHost,
  underOurHost,
  type WireContestant,
  type WireResult,
} from "./wire/contestants.ts"

const concurrencies = [1, 16, 64]
const starts = 5
const callsBeforeWeighing = 10_000
/** Warm-up: Node optimises code only after it has run for a while. */
const warmUpSeconds = 2
const bytesPerMb = 1e6

const usage = `npm run bench -- wire [--rounds N] [--seconds S] [--json FILE]

  --rounds N   interleaved rounds; each figure is their median (default 5)
  --seconds S  length of each load (default 1)
  --json FILE  writes the figures as JSON`

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

interface Measured {
  readonly name: string
  readonly results: ReadonlyMap<number, WireResult[]>
}

if (values.help) process.stdout.write(`${usage}\n`)
else await benchmark(Number(values.rounds), Number(values.seconds))

async function benchmark(rounds: number, seconds: number): Promise<void> {
  const executables = await buildExecutables()
  const contestants: WireContestant[] = []
  try {
    const life = await lifeRows(executables)
    const reference = "Go host, Go plugin"
    contestants.push(await underGoHost(reference, executables.go))
    contestants.push(await underGoHost("Go host, our plugin", executables.ours))
    contestants.push(await underOurHost("our host, our plugin", executables.ours))
    contestants.push(await underOurHost("our host, Go plugin", executables.go))
    contestants.push(await inProcess("in process", executables))
    const measured = await measure(contestants, rounds, seconds)
    const rows = [...life, ...callRows(measured, reference)]
    process.stdout.write(`${callTable(measured, reference)}\n\n${targetTable(rows)}\n`)
    if (values.json !== undefined) await writeReport(values.json, { benchmark: "wire", rows })
    process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0
  } finally {
    for (const each of contestants) await each.stop()
    await executables.remove()
  }
}

/** Start-up time and memory of our plugins. */
async function lifeRows({ ours, reference }: Executables): Promise<readonly ReportRow[]> {
  const local = await startsOf(ours)
  const kit = await startsOf(reference)
  return [
    atMost("start to configured", local.startedMs, "ms", 500),
    atMost("reference plugin: resident, idle", kit.residentMb, "MB", 80),
    atMost("reference plugin: resident after 10,000 calls", await weightAfterCalls(reference), "MB", 140),
    atMost("local-keystore: resident, idle", local.residentMb, "MB", 140),
    atMost("local-keystore: resident after 10,000 calls", await weightAfterCalls(ours), "MB", 140),
  ]
}

function atMost(metric: string, value: number, unit: string, bound: number): ReportRow {
  return rowWithTarget({ metric, value, unit }, { kind: "at most", bound })
}

async function startsOf(executable: Executable): Promise<{ readonly startedMs: number; readonly residentMb: number }> {
  const startedMs: number[] = []
  const residentMb: number[] = []
  for (let time = 0; time < starts; time += 1) {
    const beforeMs = performance.now()
    const connection = await connect(executable)
    startedMs.push(performance.now() - beforeMs)
    residentMb.push(processUsage([connection.processId]).residentBytes / bytesPerMb)
    await connection.close()
  }
  return { startedMs: median(startedMs), residentMb: median(residentMb) }
}

async function weightAfterCalls(executable: Executable): Promise<number> {
  const host = await underOurHost("weighed", executable)
  for (let calls = 0; calls < callsBeforeWeighing; ) calls += (await host.load(16, 0.5)).perSecond / 2
  const weight = host.residentBytes() / bytesPerMb
  await host.stop()
  return weight
}

async function measure(
  contestants: readonly WireContestant[],
  rounds: number,
  seconds: number,
): Promise<readonly Measured[]> {
  const measured = contestants.map(({ name }) => ({ name, results: new Map<number, WireResult[]>() }))
  for (const concurrency of concurrencies) {
    for (const each of contestants) await each.load(concurrency, warmUpSeconds)
    for (let round = 1; round <= rounds; round += 1) {
      process.stderr.write(`${concurrency} at once: round ${round} of ${rounds}\n`)
      for (const [index, each] of contestants.entries()) {
        const { results } = measured[index] ?? { results: new Map<number, WireResult[]>() }
        results.set(concurrency, [...(results.get(concurrency) ?? []), await each.load(concurrency, seconds)])
      }
    }
  }
  return measured
}

function medianOf({ results }: Measured, concurrency: number, read: (result: WireResult) => number): number {
  return median((results.get(concurrency) ?? []).map(read))
}

function callTable(measured: readonly Measured[], reference: string): string {
  const lines = concurrencies.flatMap((concurrency) =>
    measured.map((each) => {
      const perSecond = medianOf(each, concurrency, (result) => result.perSecond)
      return [
        ...[each.name, String(concurrency), figure(perSecond)],
        figure(medianOf(each, concurrency, (result) => result.p50Ms)),
        figure(medianOf(each, concurrency, (result) => result.p99Ms)),
        figure(perSecond / referenceRate(measured, reference, concurrency)),
      ]
    }),
  )
  return table(["host and plugin", "calls at once", "calls/s", "p50 ms", "p99 ms", "ratio"], lines)
}

function referenceRate(measured: readonly Measured[], reference: string, concurrency: number): number {
  const row = measured.find(({ name }) => name === reference)
  return row === undefined ? Number.NaN : medianOf(row, concurrency, (result) => result.perSecond)
}

function callRows(measured: readonly Measured[], reference: string): readonly ReportRow[] {
  const targets = new Map([
    [1, 0.4],
    [16, 0.25],
  ])
  return concurrencies.flatMap((concurrency) =>
    measured
      .filter(({ name }) => name !== reference)
      .map((each) => {
        const value = medianOf(each, concurrency, (result) => result.perSecond)
        const ratio = value / referenceRate(measured, reference, concurrency)
        const row = { metric: `${each.name}, ${concurrency} at once`, value, unit: "calls/s", reference, ratio }
        const bound = each.name === "Go host, our plugin" ? targets.get(concurrency) : undefined
        return bound === undefined ? row : rowWithTarget(row, { kind: "at least", bound })
      }),
  )
}
