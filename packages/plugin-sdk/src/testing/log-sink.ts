import type { LogFields, Logger } from "@apeiro-cmk/plugin-interface"
import { findCanary } from "./canary.ts"

/** One line that a plugin logged. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error"
  readonly message: string
  readonly fields: LogFields
}

/** A logger that keeps its lines. */
export interface LogSink extends Logger {
  readonly lines: readonly LogLine[]
  /** All lines as JSON, one a line. */
  text(): string
  /**
   * Throws when any line holds a canary, under any spelling of {@link findCanary}. The error names the line and the
   * spelling, not the canary.
   */
  assertNoCanary(canaries: readonly (string | Uint8Array)[]): void
}

/** Makes a {@link LogSink}. */
export function logSink(): LogSink {
  const lines: LogLine[] = []
  const write =
    (level: LogLine["level"]) =>
    (message: string, fields: LogFields = {}) => {
      // A copy, as a real logger makes one: later changes to an object do not alter the log.
      lines.push({ level, message, fields: structuredClone(fields) })
    }
  return {
    lines,
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    text: () => lines.map((line) => JSON.stringify(line)).join("\n"),
    assertNoCanary(canaries) {
      for (const [number, line] of lines.entries()) {
        // Each part separately, too: JSON escaping could break up a canary's spelling.
        for (const text of [JSON.stringify(line), line.message, ...texts(line.fields)]) {
          const found = findCanary(text, canaries)
          if (found === undefined) continue
          throw new Error(
            `Log line ${number} (${line.level}) holds canary ${found.index}, spelled as ${found.spelling}.`,
          )
        }
      }
    },
  }
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return [value]
  return typeof value === "object" && value !== null
    ? [...Object.keys(value), ...Object.values(value).flatMap(texts)]
    : []
}
