/** W3C Trace Context, version 00. Ids of zeros alone are invalid (sections 3.2.2.3 and 3.2.2.4). */
const traceparentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
const traceIdStart = 3
const traceIdEnd = 35

/**
 * Reads the trace id out of a W3C `traceparent`, `00-<trace id>-<parent id>-<flags>`.
 *
 * @returns 32 hexadecimal digits; undefined where there is no traceparent, or none that is well-formed
 */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  if (traceparent === undefined || !traceparentPattern.test(traceparent)) return undefined
  return traceparent.slice(traceIdStart, traceIdEnd)
}
