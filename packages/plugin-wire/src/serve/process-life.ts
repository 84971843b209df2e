import type { Logger } from "@apeiro-cmk/plugin-interface"

const parentPollMs = 1000

/**
 * Ties the process to its host: SIGINT is the host's business (Ctrl-C reaches the whole group), SIGTERM and the host's
 * death end it in order, and a fault that nobody caught is told before it does any harm.
 */
export function watchProcess(logger: Logger, shutDown: () => void): void {
  process.on("SIGINT", () => undefined)
  process.on("SIGTERM", shutDown)
  process.on("unhandledRejection", (reason) => {
    logger.error("a promise was rejected and nobody was listening", { reason: classOf(reason) })
  })
  process.on("uncaughtException", (error) => {
    logger.error("the plugin failed in a way that nobody caught, and ends", { reason: classOf(error) })
    process.exit(1)
  })
  const host = process.ppid
  setInterval(() => {
    if (process.ppid === host) return
    logger.warn("the host is gone", {})
    shutDown()
  }, parentPollMs).unref()
}

/** The message of a foreign error may hold anything; where it was thrown does not. */
function classOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const [, place = ""] = /\n\s+at (.+)/.exec(error.stack ?? "") ?? []
  return `${error.name} at ${place}`
}
