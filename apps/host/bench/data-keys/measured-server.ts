import type { Load } from "@apeiro-cmk/bench"

/** A request that is measured: a load without its size. */
export type MeasuredRequest = Omit<Load, "connections" | "seconds">

/** A server that gives data keys. */
export interface MeasuredServer {
  /** Row of the tables. */
  readonly name: string
  /** All that work for an answer, the database included. */
  readonly processIds: readonly number[]
  /** One data key. */
  readonly single: MeasuredRequest
  /** 16 keys in one request, where the server can. */
  readonly batch?: MeasuredRequest
  stop(): Promise<void>
}

/** Keys in one batch. */
export const batchSize = 16
