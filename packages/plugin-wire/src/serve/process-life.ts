import type { Logger } from "@apeiro-cmk/plugin-interface"

const parentPollMs = 1000

/**
 * Ties the process to its host: it leaves SIGINT to the host (Ctrl-C reaches the whole group), ends in order on SIGTERM
 * and when the host dies, and logs a fault that nobody caught before it ends.
 */
export function watchProcess(logger: Logger, shutDown: () => void): void {
  process.on("SIGINT", () => undefined)
  process.on("SIGTERM", shutDown)
  process.on("unhandledRejection", (reason) => {
    logger.error("a promise was rejected and nothing handled it", { reason: classOf(reason) })
  })
  process.on("uncaughtException", (error) => {
    logger.error("the plugin ends because of an error that nothing caught", { reason: classOf(error) })
    process.exit(1)
  })
  const host = process.ppid
  setInterval(() => {
    if (process.ppid === host) return
    logger.warn("the host is gone", {})
    shutDown()
  }, parentPollMs).unref()
}

/** Names the class of an error and the place that threw it: the message of a foreign error may hold a secret. */
function classOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const lines = (error.stack ?? "").split("\n").map((line) => line.trim())
  return `${error.name} ${lines.find((line) => line.startsWith("at ")) ?? "at an unknown place"}`
}
