import type { Logger } from "@apeiro-cmk/plugin-interface"
import { reasonOf } from "./reason.ts"

/** Registers how to close something that has just been opened. */
export type Defer = (close: () => Promise<void> | void) => void

/** Something that was opened, and how to close all of it. */
export interface Opened<T> {
  readonly value: T
  /**
   * Closes everything, last opened first; a failure does not keep the rest open.
   * @throws the failure, or an AggregateError of several
   */
  close(): Promise<void>
}

/**
 * Opens things in order. When a step throws, everything opened before is closed and the error passes on; failures of that
 * closing go to `onCloseFailure`, since the step's own error says more.
 */
export async function openInOrder<T>(
  open: (defer: Defer) => Promise<T>,
  onCloseFailure: (error: unknown) => void,
): Promise<Opened<T>> {
  const closers: (() => Promise<void> | void)[] = []
  try {
    const value = await open((close) => closers.push(close))
    return { value, close: () => closeAll(closers) }
  } catch (error) {
    await closeAll(closers).catch(onCloseFailure)
    throw error
  }
}

/** Logs that something could not be closed after a failed start. */
export function closeFailureLog(logger: Logger): (error: unknown) => void {
  return (error) => logger.error("something could not be closed after a failed start", { reason: reasonOf(error) })
}

async function closeAll(closers: (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = []
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, "Several things could not be closed.")
}
