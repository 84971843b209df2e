import type { JsonValue, LogFields, Logger } from "@apeiro-cmk/plugin-interface"
import { type WireLogLevel, writeLogLine } from "../handshake/log-line.ts"

/** A logger whose lines the host parses on the plugin's standard error. */
export function wireLogger(moduleName: string, write: (line: string) => void, nowMs: () => number): Logger {
  const log =
    (level: WireLogLevel) =>
    (message: string, fields: LogFields = {}) => {
      // A copy by JSON: what cannot be written must not end the one who logs.
      const plain = JSON.parse(JSON.stringify(fields)) as Record<string, JsonValue>
      write(writeLogLine({ level, message, fields: { "@module": moduleName, ...plain } }, nowMs()))
    }
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") }
}
