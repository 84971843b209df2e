import { constants } from "node:os"
import type { Logger } from "@apeiro-cmk/plugin-interface"
import { reasonOf } from "./reason.ts"

/** The needed part of `process`. */
export interface SignalSource {
  on(signal: "SIGINT" | "SIGTERM", listener: (signal: "SIGINT" | "SIGTERM") => void): unknown
  off(signal: "SIGINT" | "SIGTERM", listener: (signal: "SIGINT" | "SIGTERM") => void): unknown
  exit(code: number): void
}

/**
 * Stops a host in order at the first SIGINT or SIGTERM; a second signal ends the process at once. Call it before the host
 * starts, so that a signal during the start stops everything started by then.
 *
 * @returns resolves when the host has stopped: `true` in order, `false` when the stop failed, which is logged
 */
export function stopOnSignals(stop: () => Promise<void>, source: SignalSource, logger: Logger): Promise<boolean> {
  return new Promise((resolve) => {
    let stopping = false
    const listener = (signal: "SIGINT" | "SIGTERM") => {
      if (stopping) {
        source.exit(128 + constants.signals[signal])
        return
      }
      stopping = true
      logger.info("stopping; a second signal ends at once", { signal })
      const finish = (inOrder: boolean) => {
        source.off("SIGINT", listener)
        source.off("SIGTERM", listener)
        resolve(inOrder)
      }
      stop().then(
        () => finish(true),
        (error: unknown) => {
          logger.error("the host did not stop in order", {
            reason: reasonOf(error),
          })
          finish(false)
        },
      )
    }
    source.on("SIGINT", listener)
    source.on("SIGTERM", listener)
  })
}
