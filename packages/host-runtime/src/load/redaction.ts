import type { JsonValue, LogFields, Logger, PluginServices } from "@apeiro-cmk/plugin-interface"

/** Takes the values that references stand for out of a text. */
export type Redact = (text: string) => string

const redacted = "[redacted]"

/**
 * Makes a {@link Redact} for some values. A value of under four characters is taken out only where it is a whole word:
 * it would otherwise garble every text.
 */
export function redactionOf(values: readonly string[]): Redact {
  const patterns = [...new Set(values)]
    .filter((value) => value !== "")
    .sort((a, b) => b.length - a.length)
    .map((value) => {
      const literal = value.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")
      return new RegExp(value.length < 4 ? `(?<![A-Za-z0-9])${literal}(?![A-Za-z0-9])` : literal, "g")
    })
  return (text) => patterns.reduce((cleaned, pattern) => cleaned.replace(pattern, redacted), text)
}

/** The same services with a logger that takes the values out of each message and field. */
export function withRedactedLog(services: PluginServices, redact: Redact): PluginServices {
  const { logger } = services
  const line = (level: keyof Logger) => (message: string, fields?: LogFields) =>
    logger[level](redact(message), fields === undefined ? undefined : redactFields(fields, redact))
  return { ...services, logger: { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") } }
}

function redactFields(fields: LogFields, redact: Redact): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, redactValue(value, redact)]))
}

function redactValue(value: JsonValue, redact: Redact): JsonValue {
  if (typeof value === "string") return redact(value)
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redact))
  if (typeof value !== "object" || value === null) return value
  return redactFields(Object.fromEntries(Object.entries(value)), redact)
}
