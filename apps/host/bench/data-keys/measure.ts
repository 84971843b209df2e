import { type LoadResult, median, processUsage, runLoad } from "@apeiro-cmk/bench"
import type { MeasuredRequest, MeasuredServer } from "./measured-server.ts"

/** One server under one concurrency: each figure is the median of the rounds. */
export interface Measurement {
  readonly server: MeasuredServer
  readonly concurrency: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  /** Processor time of the server's processes. */
  readonly cpuMsPerThousand: number
  /** Largest value seen. */
  readonly residentBytes: number
}

/** Size of a measurement. */
export interface MeasureOptions {
  readonly loadClient: string
  readonly concurrencies: readonly number[]
  readonly rounds: number
  readonly seconds: number
  readonly progress: (line: string) => void
}

interface Sample extends LoadResult {
  readonly cpuSeconds: number
  readonly residentBytes: number
}

/** Measures the servers in turns, so that a disturbance of the machine affects all of them. */
export async function measure(
  servers: readonly MeasuredServer[],
  requestOf: (server: MeasuredServer) => MeasuredRequest | undefined,
  options: MeasureOptions,
): Promise<readonly Measurement[]> {
  const cells = options.concurrencies.flatMap((concurrency) =>
    servers.flatMap((server) => {
      const request = requestOf(server)
      return request === undefined ? [] : [{ server, concurrency, request, samples: [] as Sample[] }]
    }),
  )
  // A first short load warms each server and is not counted.
  for (const { server, request } of cells) await sample(server, request, 4, { ...options, seconds: 0.5 })
  for (let round = 1; round <= options.rounds; round += 1) {
    options.progress(`round ${round} of ${options.rounds}`)
    for (const cell of round % 2 === 0 ? cells.toReversed() : cells) {
      cell.samples.push(await sample(cell.server, cell.request, cell.concurrency, options))
    }
  }
  return cells.map(({ server, concurrency, samples }) => ({ server, concurrency, ...medians(samples) }))
}

async function sample(
  server: MeasuredServer,
  request: MeasuredRequest,
  connections: number,
  { loadClient, seconds }: Pick<MeasureOptions, "loadClient" | "seconds">,
): Promise<Sample> {
  const before = processUsage(server.processIds)
  const result = await runLoad(loadClient, { ...request, connections, seconds })
  const after = processUsage(server.processIds)
  return { ...result, cpuSeconds: after.cpuSeconds - before.cpuSeconds, residentBytes: after.residentBytes }
}

function medians(samples: readonly Sample[]) {
  const of = (figure: (sample: Sample) => number) => median(samples.map(figure))
  return {
    perSecond: of(({ requests, seconds }) => requests / seconds),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p95Ms: of(({ p95Ms }) => p95Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    cpuMsPerThousand: of(({ cpuSeconds, requests }) => (cpuSeconds * 1e6) / requests),
    residentBytes: Math.max(...samples.map(({ residentBytes }) => residentBytes)),
  }
}
