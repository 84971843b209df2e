import { monitorEventLoopDelay } from "node:perf_hooks"
import { percentile } from "./statistics.ts"

/** Measurements of a load in this process. */
export interface ConcurrentResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  /** Delay of a timer of 10 ms beyond its due time, 99th percentile. */
  readonly loopLagP99Ms: number
}

const samplingMs = 10

/** Keeps a number of operations in flight for some time. @throws the error of an operation */
export async function concurrentLoad(
  operation: () => Promise<unknown>,
  concurrency: number,
  seconds: number,
): Promise<ConcurrentResult> {
  const latenciesMs: number[] = []
  const lag = monitorEventLoopDelay({ resolution: samplingMs })
  lag.enable()
  const startedMs = performance.now()
  const endMs = startedMs + seconds * 1000
  const loop = async () => {
    for (let sentMs = performance.now(); sentMs < endMs; sentMs = performance.now()) {
      await operation()
      latenciesMs.push(performance.now() - sentMs)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
  lag.disable()
  return {
    perSecond: latenciesMs.length / ((performance.now() - startedMs) / 1000),
    p50Ms: percentile(latenciesMs, 0.5),
    p95Ms: percentile(latenciesMs, 0.95),
    p99Ms: percentile(latenciesMs, 0.99),
    loopLagP99Ms: Math.max(0, lag.percentile(99) / 1e6 - samplingMs),
  }
}
