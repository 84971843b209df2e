/**
 * Measures durable audit entries per second: group commit compared with one commit per entry.
 *
 * It runs on a real file, or with `--postgres` on a real server that flushes as in production. `--seconds N` sets the
 * duration of each row (default 2), `--folder PATH` the folder of the file, and `--json FILE` writes the figures as
 * JSON.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import type { AuditEvent, AuditRecorder } from "@apeiro-cmk/audit-log"
import { createAuditRecorder } from "@apeiro-cmk/audit-log"
import { figure, percentile, type ReportRow, table, writeReport } from "@apeiro-cmk/bench"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { startPostgres } from "@apeiro-cmk/test-backends"
import { type Database, openDatabase } from "../src/index.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    folder: { type: "string" },
    postgres: { type: "boolean" },
    json: { type: "string" },
  },
})
const durationMs = Number(values.seconds ?? 2) * 1000

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

const event: AuditEvent = {
  tenantId: "acme",
  actor: { type: "token", id: "019ab3c4-0000-7000-8000-000000000001" },
  action: "dataKeyUnwrap",
  resource: { type: "serviceKey", id: "orders", version: "1" },
  outcome: "success",
  requestId: "019ab3c4-0000-7000-8000-000000000002",
}

interface Row {
  readonly name: string
  readonly entriesPerSecond: number
  readonly medianMs: number
  readonly p99Ms: number
}

/** Runs `record` in `clients` concurrent loops, each of which waits for its answer as a request does. */
async function measure(name: string, clients: number, record: () => Promise<unknown>): Promise<Row> {
  const latenciesMs: number[] = []
  const startMs = performance.now()
  const client = async () => {
    while (performance.now() - startMs < durationMs) {
      const sentMs = performance.now()
      await record()
      latenciesMs.push(performance.now() - sentMs)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const elapsedSeconds = (performance.now() - startMs) / 1000
  return {
    name,
    entriesPerSecond: latenciesMs.length / elapsedSeconds,
    medianMs: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  }
}

async function rowsOf(database: Database, recorder: AuditRecorder): Promise<readonly Row[]> {
  const alone = () => database.auditIntake.append([recorder.prepare(event)])
  const grouped = () => recorder.record(event)
  const rows: Row[] = [await measure("one commit each, 1 client", 1, alone)]
  rows.push(await measure("one commit each, 64 clients", 64, alone))
  for (const clients of [1, 8, 64, 256]) {
    rows.push(await measure(`group commit, ${clients} ${clients === 1 ? "client" : "clients"}`, clients, grouped))
  }
  return rows
}

function tableOf(rows: readonly Row[]): string {
  const baseline = rows[0]?.entriesPerSecond ?? 1
  const lines = rows.map(({ name, entriesPerSecond, medianMs, p99Ms }) => [
    name,
    figure(entriesPerSecond),
    `${figure(entriesPerSecond / baseline)}x`,
    figure(medianMs),
    figure(p99Ms),
  ])
  return table(["", "entries/s", "ratio", "p50 ms", "p99 ms"], lines)
}

function reportRows(rows: readonly Row[]): readonly ReportRow[] {
  const [baseline] = rows
  return rows.flatMap(({ name, entriesPerSecond, medianMs, p99Ms }) => [
    {
      metric: `${name}: rate`,
      value: entriesPerSecond,
      unit: "entries/s",
      ...(baseline === undefined
        ? {}
        : { reference: baseline.name, ratio: entriesPerSecond / baseline.entriesPerSecond }),
    },
    { metric: `${name}: p50`, value: medianMs, unit: "ms" },
    { metric: `${name}: p99`, value: p99Ms, unit: "ms" },
  ])
}

const folder = await mkdtemp(join(values.folder ?? tmpdir(), "audit-append-"))
const server = values.postgres === true ? await startPostgres({ durable: true }) : undefined
try {
  const file = `sqlite://${pathToFileURL(join(folder, "host.sqlite")).pathname}`
  const database = await openDatabase({ url: (await server?.createDatabase()) ?? file })
  const recorder = createAuditRecorder({ intake: database.auditIntake, clock, replica: "bench" })
  const rows = await rowsOf(database, recorder)
  process.stdout.write(`${tableOf(rows)}\n`)
  if (values.json !== undefined) await writeReport(values.json, { benchmark: "audit-append", rows: reportRows(rows) })
  await database.close()
} finally {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
}
