import type { LogFields, Logger } from "@apeiro-cmk/plugin-interface"
import { type DestinationStream, pino } from "pino"

/** Field names whose values never reach the log, should anybody ever log them. */
const secretFields = [
  "authorization",
  "password",
  "plaintext",
  "secret",
  "secret_id",
  "token",
  "api_key",
  "client_private_key",
]

/** How the host logs. */
export interface LoggerOptions {
  readonly level: "debug" | "info" | "warn" | "error" | "silent"
  /** Default: standard output. */
  readonly destination?: DestinationStream
}

/** Makes the host's logger: JSON lines, one object each. Bodies and headers are never given to it. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  const redact = { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: "[redacted]" }
  const options = { level, redact, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const log = destination === undefined ? pino(options) : pino(options, destination)
  const at = (name: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
    log[name](fields ?? {}, message)
  }
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }
}
