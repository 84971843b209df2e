import type { JsonValue } from "@apeiro-cmk/plugin-interface"

/** Level of a log line that a go-plugin host knows. */
export type WireLogLevel = "trace" | "debug" | "info" | "warn" | "error"

/** One line that a plugin logged. */
export interface WireLogLine {
  readonly level: WireLogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, JsonValue>>
}

const levels: readonly string[] = ["trace", "debug", "info", "warn", "error"]
const reserved = ["@level", "@message", "@timestamp"]
/** A Go host cuts a longer line, and shows it at debug. */
const longestLineBytes = 65_000

/**
 * Writes one JSON line that a Go host (hclog) can parse. Each of its own three members must be text: anything else there
 * ends the host process. A time has six digits after the dot: with another number the host does not take it for JSON.
 */
export function writeLogLine({ level, message, fields }: WireLogLine, atMs: number): string {
  const timestamp = `${new Date(atMs).toISOString().slice(0, -1)}000Z`
  const own = { "@level": level, "@message": message, "@timestamp": timestamp }
  const others = Object.entries(fields).filter(([name]) => !reserved.includes(name))
  const line = JSON.stringify({ ...own, ...Object.fromEntries(others) })
  if (Buffer.byteLength(line) <= longestLineBytes) return `${line}\n`
  return `${JSON.stringify({ ...own, "@message": message.slice(0, 1000), truncated: true })}\n`
}

/**
 * Reads a line of a plugin's standard error, as a Go host does: a line that is not JSON has the level of its prefix, or
 * `debug`.
 */
export function readLogLine(line: string): WireLogLine {
  return readJsonLine(line) ?? readPlainLine(line)
}

function readJsonLine(line: string): WireLogLine | undefined {
  if (!line.startsWith("{")) return undefined
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return undefined // the writer does not log JSON
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined
  const members: Record<string, JsonValue> = { ...parsed }
  const { "@level": level, "@message": message, "@timestamp": _, ...fields } = members
  const known = typeof level === "string" ? level.toLowerCase() : ""
  if (!isLevel(known) || typeof message !== "string") return undefined
  return { level: known, message, fields }
}

function readPlainLine(line: string): WireLogLine {
  const prefix = /^\[(TRACE|DEBUG|INFO|WARN|ERROR)\]\s*/.exec(line)
  const level = prefix?.[1]?.toLowerCase() ?? (/^(panic|fatal error): /.test(line) ? "error" : "debug")
  return { level: isLevel(level) ? level : "debug", message: line.slice(prefix?.[0].length ?? 0), fields: {} }
}

function isLevel(text: string): text is WireLogLevel {
  return levels.includes(text)
}
