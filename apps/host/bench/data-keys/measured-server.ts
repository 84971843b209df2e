import type { Load } from "@apeiro-cmk/bench"

/** A request that is measured: a load without its size. */
export type MeasuredRequest = Omit<Load, "connections" | "seconds">

/** A server that issues data keys. */
export interface MeasuredServer {
  /** Row of the tables. */
  readonly name: string
  /** All processes that work for an answer, including the database. */
  readonly processIds: readonly number[]
  /** One data key. */
  readonly single: MeasuredRequest
  /** 16 keys in one request, if the server supports it. */
  readonly batch?: MeasuredRequest
  stop(): Promise<void>
}

/** Keys in one batch. */
export const batchSize = 16
