import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type Command, Option } from "commander"
import { pino } from "pino"
import { createHost, type HostAddresses } from "../../host.ts"
import { createLogger, type LoggerOptions } from "../../pino-logger.ts"
import { stopOnSignals } from "../../stop-on-signals.ts"
import { CliError } from "../cli-error.ts"
import { exitCodes } from "../exit-codes.ts"
import { showRoundTrip } from "../round-trip.ts"

const localProfile = fileURLToPath(new URL("../../../../../profiles/local-profile.yaml", import.meta.url))

/** What waits for the reader of the log at most, in bytes; beyond it lines are lost, and no request is delayed. */
const longestBacklogBytes = 16 * 1024 * 1024

/** Standard output of a service: lines gather for a moment, and none waits for a slow reader. */
const background = {
  fd: 1,
  sync: false,
  minLength: 4096,
  periodicFlush: 100,
  maxLength: longestBacklogBytes,
} as const

interface ServeOptions {
  readonly profile?: string
  readonly demo: boolean
  readonly logLevel?: LoggerOptions["level"]
}

/** `apeiro-cmk serve` */
export function addServeCommand(program: Command): void {
  program
    .command("serve")
    .description("run the host until Ctrl-C")
    .option("--profile <file>", "which plugins to load and where to listen (default: the local profile of a clone)")
    .option("--demo", "make a tenant `demo` and show one round trip", false)
    .addOption(
      new Option("--log-level <level>", "info, or warn with --demo").choices([
        "debug",
        "info",
        "warn",
        "error",
        "silent",
      ]),
    )
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  const level = options.logLevel ?? (options.demo ? "warn" : "info")
  // With --demo standard output is for people.
  const logger = createLogger({
    level,
    destination: pino.destination(options.demo ? { fd: 2, sync: true } : background),
  })
  const host = createHost({ profilePath: options.profile ?? defaultProfile(), environment: process.env, logger })
  const stopped = stopOnSignals(() => host.stop(), process, logger)
  const addresses = await host.start()
  if (options.demo) await demonstrate(addresses, host.stop)
  if (!(await stopped)) throw new CliError(exitCodes.failure, "The host did not stop in order.", "See its log.")
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
  throw new CliError(exitCodes.usage, "There is no profile to run.", "Name one with --profile FILE.")
}
