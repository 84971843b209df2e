// The program of host-process.ts: serves the profile named on the command line, and prints its addresses on the first line.
import { createHost } from "../src/host.ts"
import { createLogger } from "../src/pino-logger.ts"
import { stopOnSignals } from "../src/stop-on-signals.ts"

const [profilePath = ""] = process.argv.slice(2)
const logger = createLogger({ level: "silent" })
const host = createHost({ profilePath, environment: process.env, logger, overrides: { replica: "child" } })
const stopped = stopOnSignals(() => host.stop(), process, logger)
const addresses = await host.start()
process.stdout.write(`${JSON.stringify(addresses)}\n`)
process.exitCode = (await stopped) ? 0 : 1
