/**
 * Decrypts through the keystore plugins: operations per second behind a fixed delay of 10 ms, and the overhead of a plugin
 * over a bare HTTP client. Against a real OpenBao with its audit file on, our own emulators of AWS and Fortanix DSM,
 * SoftHSM, and the local keystore.
 */
import { parseArgs } from "node:util"
import { type ConcurrentResult, concurrentLoad } from "../src/concurrent-load.ts"
import { startDelayProxy } from "../src/delay-proxy.ts"
import { type ReportRow, rowWithTarget, type Target, table, targetTable, writeReport } from "../src/index.ts"
import { figure } from "../src/report.ts"
import { median } from "../src/statistics.ts"
import { startAwsKms } from "./keystore/aws.ts"
import { bareDecrypt } from "./keystore/bare-client.ts"
import { startFortanix } from "./keystore/fortanix.ts"
import { startLocal } from "./keystore/local.ts"
import { decryptOf, startTransit } from "./keystore/transit.ts"
import { startToken } from "./pkcs11/contestants.ts"

const delayMs = 10
const usage = `npm run bench -- keystore [--rounds N] [--seconds S] [--json FILE]

  --rounds N   interleaved rounds; each figure is their median (default 5)
  --seconds S  length of each load (default 2)
  --json FILE  writes the figures as JSON`

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

/** One line of the table. */
interface Contestant {
  readonly name: string
  readonly concurrency: number
  readonly operation: () => Promise<unknown>
  readonly results: ConcurrentResult[]
}

if (values.help) process.stdout.write(`${usage}\n`)
else await benchmark()

async function benchmark(): Promise<void> {
  const transit = await startTransit()
  const proxy = await startDelayProxy(transit.port, delayMs)
  const local = await startLocal(delayMs)
  const token = await startToken()
  await token.faults.control({ function: "C_Decrypt", action: "sleep", number: delayMs, times: -1 })
  const aws = await startAwsKms()
  const awsProxy = await startDelayProxy(aws.port, delayMs)
  const fortanix = await startFortanix()
  const fortanixProxy = await startDelayProxy(fortanix.port, delayMs)
  try {
    const contestants = {
      slowTransit: contestant("openbao behind 10 ms", 64, await decryptOf(transit, proxy.port)),
      slowAws: contestant("aws-irsa (emulator) behind 10 ms", 64, await aws.decryptOf(awsProxy.port)),
      slowFortanix: contestant("fortanix (emulator) behind 10 ms", 64, await fortanix.decryptOf(fortanixProxy.port)),
      slowThales: contestant("thales (SoftHSM) behind 10 ms", 64, await token.pluginWith(16)),
      slowLocal: contestant("local behind 10 ms", 64, local.delayed),
      transit: contestant("openbao", 16, await decryptOf(transit, transit.port)),
      bare: contestant("bare HTTP client to OpenBao", 16, bareDecrypt(transit)),
      aws: contestant("aws-irsa (emulator)", 16, await aws.decryptOf(aws.port)),
      fortanix: contestant("fortanix (emulator)", 16, await fortanix.decryptOf(fortanix.port)),
      local: contestant("local", 16, local.direct),
    }
    const all = Object.values(contestants)
    for (const one of all) await concurrentLoad(one.operation, one.concurrency, 0.5)
    let connections = 0
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      process.stderr.write(`round ${round} of ${values.rounds}\n`)
      for (const one of round % 2 === 0 ? all.toReversed() : all) {
        one.results.push(await concurrentLoad(one.operation, one.concurrency, Number(values.seconds)))
      }
      connections = Math.max(connections, await proxy.mostConnections())
    }
    await report(rowsOf(contestants, connections), all)
  } finally {
    await proxy.stop()
    await awsProxy.stop()
    await aws.stop()
    await fortanixProxy.stop()
    await fortanix.stop()
    await token.stop()
    await local.stop()
    await transit.stop()
  }
}

function contestant(name: string, concurrency: number, operation: () => Promise<unknown>): Contestant {
  return { name, concurrency, operation, results: [] }
}

function of({ results }: Contestant, part: keyof ConcurrentResult): number {
  return median(results.map((result) => result[part]))
}

function rowsOf(
  one: Record<
    "slowTransit" | "slowAws" | "slowFortanix" | "slowThales" | "slowLocal" | "transit" | "bare" | "local",
    Contestant
  >,
  connections: number,
): readonly ReportRow[] {
  const { slowTransit, slowAws, slowFortanix, slowThales, slowLocal, transit, bare } = one
  const row = (from: Contestant, what: string, part: keyof ConcurrentResult, unit: string, target: Target) =>
    rowWithTarget({ metric: `${from.name}: ${what}`, value: of(from, part), unit }, target)
  const behindDelay = [slowTransit, slowAws, slowFortanix, slowThales, slowLocal].flatMap((from) => [
    row(from, "rate", "perSecond", "operations/s", { kind: "at least", bound: 1000 }),
    row(from, "p95", "p95Ms", "ms", { kind: "at most", bound: 100 }),
    row(from, "event-loop lag p99", "loopLagP99Ms", "ms", { kind: "at most", bound: 20 }),
  ])
  const p99 = { metric: "openbao: p99", value: of(transit, "p99Ms"), unit: "ms", reference: bare.name }
  return [
    ...behindDelay,
    { metric: "openbao behind 10 ms: connections in use", value: connections, unit: "connections" },
    { metric: "openbao: p50 over the bare client's", value: of(transit, "p50Ms") - of(bare, "p50Ms"), unit: "ms" },
    rowWithTarget({ ...p99, ratio: of(transit, "p99Ms") / of(bare, "p99Ms") }, { kind: "at most", bound: 1.3 }),
  ]
}

async function report(rows: readonly ReportRow[], contestants: readonly Contestant[]): Promise<void> {
  const lines = contestants.map((one) => [
    one.name,
    String(one.concurrency),
    ...(["perSecond", "p50Ms", "p95Ms", "p99Ms", "loopLagP99Ms"] as const).map((part) => figure(of(one, part))),
  ])
  const head = ["decrypt, 32 bytes", "at once", "per second", "p50 ms", "p95 ms", "p99 ms", "loop lag p99 ms"]
  const others = rows.filter(({ target }) => target === undefined)
  const otherLines = others.map(({ metric, value, unit }) => `${metric}: ${figure(value)} ${unit}`)
  process.stdout.write(`${table(head, lines)}\n\n${otherLines.join("\n")}\n\n${targetTable(rows)}\n`)
  if (values.json !== undefined) await writeReport(values.json, { benchmark: "keystore", rows })
  process.exitCode = rows.some(({ met }) => met === false) ? 1 : 0
}
