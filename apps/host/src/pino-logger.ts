import type { JsonValue, LogFields, Logger } from "@apeiro-cmk/plugin-interface"
import { type DestinationStream, pino } from "pino"

/** Field names whose values never reach the log, even if somebody logs them. */
const secretFields = new Set([
  "authorization",
  "password",
  "plaintext",
  "secret",
  "secret_id",
  "token",
  "api_key",
  "client_private_key",
])

/** Options of the logger. */
export interface LoggerOptions {
  readonly level: "debug" | "info" | "warn" | "error" | "silent"
  /** Default: standard output. */
  readonly destination?: DestinationStream
}

/** Makes the host's logger: JSON lines, one object each. Bodies and headers never reach it. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const log = destination === undefined ? pino(options) : pino(options, destination)
  const at = (name: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
    log[name](redacted(fields ?? {}), message)
  }
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }
}

/** Pino's own redaction costs more than the rest of a line. Our fields have two levels at most. */
function redacted(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, secretFields.has(name) ? "[redacted]" : inside(value)]),
  )
}

function inside(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, secretFields.has(name) ? "[redacted]" : inner]),
  )
}
