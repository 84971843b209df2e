import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { pino } from "pino"
import { showRoundTrip } from "./demo/round-trip.ts"
import { exitCodes } from "./exit-codes.ts"
import { createHost, type HostAddresses } from "./host.ts"
import { createLogger, type LoggerOptions } from "./pino-logger.ts"
import { ServeError } from "./serve-error.ts"
import { stopOnSignals } from "./stop-on-signals.ts"

const localProfile = fileURLToPath(new URL("../../../profiles/local-profile.yaml", import.meta.url))

/** Longest backlog for a slow reader of the log, in bytes; beyond it lines are lost, and no request is delayed. */
const longestBacklogBytes = 16 * 1024 * 1024

/** Standard output of a service: lines gather for a moment, and none waits for a slow reader. */
const background = {
  fd: 1,
  sync: false,
  minLength: 4096,
  periodicFlush: 100,
  maxLength: longestBacklogBytes,
} as const

/** Options of a host that serves. */
export interface ServeOptions {
  readonly profile?: string
  readonly demo: boolean
  /** Default: `warn` with `demo`, otherwise `info`. */
  readonly logLevel?: LoggerOptions["level"]
}

/** Runs a host until SIGINT or SIGTERM. @throws {ServeError} no profile, or a stop that was not in order */
export async function serve(options: ServeOptions): Promise<void> {
  const level = options.logLevel ?? (options.demo ? "warn" : "info")
  // With --demo standard output is for people.
  const destination = pino.destination(options.demo ? { fd: 2, sync: true } : background)
  const logger = createLogger({ level, destination })
  const host = createHost({ profilePath: options.profile ?? defaultProfile(), environment: process.env, logger })
  const stopped = stopOnSignals(() => host.stop(), process, logger)
  const addresses = await host.start()
  if (options.demo) await demonstrate(addresses, () => host.stop())
  if (!(await stopped)) throw new ServeError(exitCodes.failure, "The host did not stop in order.", "See its log.")
}

async function demonstrate(addresses: HostAddresses, stop: () => Promise<void>): Promise<void> {
  try {
    await showRoundTrip(addresses, (line) => process.stdout.write(`${line}\n`))
  } catch (error) {
    await stop()
    throw error
  }
}

function defaultProfile(): string {
  if (existsSync(localProfile)) return localProfile
  throw new ServeError(exitCodes.usage, "There is no profile to run.", "Name one with --profile FILE.")
}
