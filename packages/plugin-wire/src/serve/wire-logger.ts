import type { JsonValue, LogFields, Logger } from "@apeiro-cmk/plugin-interface"
import { type WireLogLevel, writeLogLine } from "../handshake/log-line.ts"

/** Makes a logger whose lines the host parses on the plugin's standard error. */
export function wireLogger(moduleName: string, write: (line: string) => void, nowMs: () => number): Logger {
  const log =
    (level: WireLogLevel) =>
    (message: string, fields: LogFields = {}) => {
      // A copy by JSON: fields that cannot be written must not make the caller fail.
      const plain: Record<string, JsonValue> = JSON.parse(JSON.stringify(fields))
      write(writeLogLine({ level, message, fields: { "@module": moduleName, ...plain } }, nowMs()))
    }
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") }
}
