import type { JsonValue } from "@apeiro-cmk/plugin-interface"

/** One run of the work on a platform keystore. */
export interface PlatformJob {
  readonly jobId: string
  readonly payload: JsonValue
  /** From 1. */
  readonly attempt: number
  readonly signal: AbortSignal
}

/** Queues the work on platform keystores: each job runs at least once, and one job per key is live. Persistence implements it. */
export interface PlatformJobQueue {
  /** Adds a job, unless one with its key is waiting or running. */
  enqueue(name: string, payload: JsonValue, options: { readonly key: string }): Promise<unknown>
  /** Starts working on the jobs of a name. */
  work(name: string, handler: (job: PlatformJob) => Promise<void>): Promise<{ stop(): Promise<void> }>
}
