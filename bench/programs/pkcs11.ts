/**
 * Decrypts with a PKCS#11 token: the binding alone in one process as the ceiling, and the plugin, whose token is in a
 * process of its own, without a delay and behind one of 10 ms in the token; then how long a token takes to serve again after
 * its process or its device failed, and what another token notices of that. SoftHSM stands in for an HSM.
 */
import { parseArgs } from "node:util"
import { type ConcurrentResult, concurrentLoad } from "../src/concurrent-load.ts"
import { figure, type ReportRow, rowWithTarget, table, targetTable, writeReport } from "../src/index.ts"
import { median } from "../src/statistics.ts"
import { type BenchToken, startToken } from "./pkcs11/contestants.ts"
import { besideAnother, disturbances, timeToRecover } from "./pkcs11/recovery.ts"

const delayMs = 10
const sessions = [1, 4, 16]
const usage = `npm run bench -- pkcs11 [--rounds N] [--seconds S] [--json FILE]

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

interface Contestant {
  readonly name: string
  readonly concurrency: number
  readonly operation: () => Promise<unknown>
  readonly results: ConcurrentResult[]
}

if (values.help) process.stdout.write(`${usage}\n`)
else await benchmark(Number(values.rounds), Number(values.seconds))

async function benchmark(rounds: number, seconds: number): Promise<void> {
  const token = await startToken()
  try {
    const operations = await Promise.all(sessions.map((each) => token.pluginWith(each)))
    const raw = contestant("the binding alone, one process", 1, token.raw())
    const plugins = (suffix: string) =>
      operations.map((operation, index) =>
        contestant(`plugin, ${sessions[index]} sessions${suffix}`, sessions[index] ?? 1, operation),
      )
    const direct = plugins("")
    const slow = plugins(`, ${delayMs} ms`)
    for (let round = 1; round <= rounds; round += 1) {
      process.stderr.write(`round ${round} of ${rounds}\n`)
      await token.faults.control()
      for (const each of [raw, ...direct])
        each.results.push(await concurrentLoad(each.operation, each.concurrency, seconds))
      await token.faults.control({ function: "C_Decrypt", action: "sleep", number: delayMs, times: -1 })
      for (const each of slow) each.results.push(await concurrentLoad(each.operation, each.concurrency, seconds))
    }
    await token.faults.control()
    const recoveries = await recoveriesOf(token, rounds, seconds)
    await report([raw, ...direct, ...slow], [...rowsOf(raw, direct, slow), ...recoveries])
  } finally {
    await token.stop()
  }
}

async function recoveriesOf(token: BenchToken, rounds: number, seconds: number): Promise<readonly ReportRow[]> {
  const operation = await token.pluginWith(4)
  const rows: ReportRow[] = []
  for (const disturbance of disturbances(token)) {
    const timesMs: number[] = []
    for (let round = 1; round <= rounds; round += 1) timesMs.push(await timeToRecover(token, operation, disturbance))
    const row = { metric: `first success after ${disturbance.name}`, value: median(timesMs), unit: "ms" }
    rows.push(rowWithTarget(row, { kind: "at most", bound: 2000 }))
  }
  const served = await token.pluginWith(4)
  const other = await token.pluginWith(4)
  const looks: Awaited<ReturnType<typeof besideAnother>>[] = []
  for (let round = 1; round <= rounds; round += 1) looks.push(await besideAnother(token, served, other, seconds + 1))
  const of = (part: "alone" | "again" | "beside") => median(looks.map((each) => each[part]))
  const reference = { unit: "ms", reference: "the same token alone" }
  return [
    ...rows,
    { metric: "p99 of a token alone, once more", value: of("again"), ...reference, ratio: of("again") / of("alone") },
    {
      metric: "p99 while another one hangs and is replaced",
      value: of("beside"),
      ...reference,
      ratio: of("beside") / of("alone"),
    },
  ]
}

function contestant(name: string, concurrency: number, operation: () => Promise<unknown>): Contestant {
  return { name, concurrency, operation, results: [] }
}

function of({ results }: Contestant, part: keyof ConcurrentResult): number {
  return median(results.map((result) => result[part]))
}

function rowsOf(raw: Contestant, direct: readonly Contestant[], slow: readonly Contestant[]): readonly ReportRow[] {
  const shares = direct.map((each) => ({
    ...{ metric: each.name, value: of(each, "perSecond"), unit: "operations/s", reference: raw.name },
    ratio: of(each, "perSecond") / of(raw, "perSecond"),
  }))
  const most = slow.at(-1)
  if (most === undefined) return shares
  const rate = { metric: most.name, value: of(most, "perSecond"), unit: "operations/s" }
  const lag = { metric: `${most.name}: event-loop lag p99`, value: of(most, "loopLagP99Ms"), unit: "ms" }
  return [
    ...shares,
    rowWithTarget(rate, { kind: "at least", bound: 1000 }),
    rowWithTarget(lag, { kind: "at most", bound: 20 }),
  ]
}

async function report(contestants: readonly Contestant[], rows: readonly ReportRow[]): Promise<void> {
  const parts = ["perSecond", "p50Ms", "p95Ms", "p99Ms", "loopLagP99Ms"] as const
  const lines = contestants.map((each) => [
    ...[each.name, String(each.concurrency)],
    ...parts.map((part) => figure(of(each, part))),
  ])
  const head = ["decrypt, 32 bytes", "at once", "per second", "p50 ms", "p95 ms", "p99 ms", "loop lag p99 ms"]
  const compared = rows.flatMap(({ metric, value, unit, reference, ratio }) =>
    ratio === undefined ? [] : [[metric, `${figure(value)} ${unit}`, figure(ratio), reference ?? ""]],
  )
  process.stdout.write(`${table(head, lines)}\n\n${table(["compared", "seen", "ratio", "to"], compared)}\n\n`)
  process.stdout.write(`${targetTable(rows)}\n`)
  if (values.json !== undefined) await writeReport(values.json, { benchmark: "pkcs11", rows })
  process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0
}
