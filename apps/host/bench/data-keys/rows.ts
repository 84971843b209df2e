import { figure, type ReportRow, rowWithTarget, type Target, table } from "@apeiro-cmk/bench"
import type { Measurement } from "./measure.ts"
import { batchSize, type MeasuredServer } from "./measured-server.ts"

/** The servers to compare. */
export interface Contestants {
  readonly bare: MeasuredServer
  readonly host: MeasuredServer
  /** The host on a disk without cost: memory. */
  readonly hostInMemory: MeasuredServer
  readonly transit: MeasuredServer
}

/** Formats the measurements, each rate with its ratio to the reference. */
export function measurementTable(measurements: readonly Measurement[], reference: MeasuredServer): string {
  const lines = measurements.map((one) => {
    const base = measurements.find((other) => other.server === reference && other.concurrency === one.concurrency)
    return [
      one.server.name,
      String(one.concurrency),
      figure(one.perSecond),
      figure(one.p50Ms),
      figure(one.p95Ms),
      figure(one.p99Ms),
      figure(one.cpuMsPerThousand),
      figure(one.residentBytes / 2 ** 20),
      base === undefined ? "" : figure(one.perSecond / base.perSecond),
    ]
  })
  const head = ["", "clients", "requests/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms/1000", "RSS MiB", "ratio"]
  return table(head, lines)
}

/** Makes the figures of single data keys, with targets at 16 and 64 clients. */
export function singleRows(measurements: readonly Measurement[], contestants: Contestants): readonly ReportRow[] {
  const { bare, host, hostInMemory, transit } = contestants
  const concurrencies = [...new Set(measurements.map(({ concurrency }) => concurrency))]
  return concurrencies.flatMap((concurrency) => {
    const of = (server: MeasuredServer) => find(measurements, server, concurrency)
    const compared = (
      metric: string,
      other: MeasuredServer,
      part: "perSecond" | "p99Ms",
      target: Target,
    ): ReportRow => {
      const row = {
        metric: `${metric}, ${concurrency} clients`,
        value: of(host)[part],
        unit: part === "perSecond" ? "requests/s" : "ms",
        reference: other.name,
        ratio: of(host)[part] / of(other)[part],
      }
      return concurrency === 1 ? row : rowWithTarget(row, target)
    }
    return [
      ...measurements.filter((one) => one.concurrency === concurrency).flatMap(plainRows),
      compared("data keys against bare node:http", bare, "perSecond", { kind: "at least", bound: 0.5 }),
      compared("data keys against OpenBao transit", transit, "perSecond", { kind: "at least", bound: 3 }),
      compared("p99 against OpenBao transit", transit, "p99Ms", { kind: "at most", bound: 0.333 }),
      {
        metric: `share of the commit on disk in the time of a request, ${concurrency} clients`,
        value: 1 - of(host).perSecond / of(hostInMemory).perSecond,
        unit: "share",
      },
    ]
  })
}

/** Makes the figures of batches, in keys per second. */
export function batchRows(measurements: readonly Measurement[], { host, transit }: Contestants): readonly ReportRow[] {
  const concurrencies = [...new Set(measurements.map(({ concurrency }) => concurrency))]
  return concurrencies.map((concurrency) => {
    const rate = (server: MeasuredServer) => find(measurements, server, concurrency).perSecond * batchSize
    const row = {
      metric: `keys in batches of ${batchSize}, ${concurrency} clients`,
      value: rate(host),
      unit: "keys/s",
      reference: `${transit.name}, batch_input`,
      ratio: rate(host) / rate(transit),
    }
    return concurrency === 1 ? row : rowWithTarget(row, { kind: "at least", bound: 1 })
  })
}

function plainRows({ server, concurrency, ...one }: Measurement): readonly ReportRow[] {
  const metric = (name: string) => `${server.name}, ${concurrency} clients: ${name}`
  return [
    { metric: metric("rate"), value: one.perSecond, unit: "requests/s" },
    { metric: metric("p50"), value: one.p50Ms, unit: "ms" },
    { metric: metric("p95"), value: one.p95Ms, unit: "ms" },
    { metric: metric("p99"), value: one.p99Ms, unit: "ms" },
    { metric: metric("server CPU"), value: one.cpuMsPerThousand, unit: "ms per 1000 requests" },
    { metric: metric("resident memory"), value: one.residentBytes, unit: "bytes" },
  ]
}

function find(measurements: readonly Measurement[], server: MeasuredServer, concurrency: number): Measurement {
  const found = measurements.find((one) => one.server === server && one.concurrency === concurrency)
  if (found === undefined) throw new Error(`${server.name} was not measured with ${concurrency} clients`)
  return found
}
