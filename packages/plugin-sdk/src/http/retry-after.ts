const longestMs = 60 * 60 * 1000

/**
 * Reads how long an answer asks the client to wait, from its `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, which
 * is compared with the answer's own `Date`, because the clocks of both sides may differ.
 *
 * @param headers - names in lower case
 * @returns milliseconds, at most an hour; undefined where the header is missing or cannot be understood
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers["retry-after"]?.trim()
  if (value === undefined) return undefined
  if (/^\d{1,15}$/.test(value)) return Math.min(Number(value) * 1000, longestMs)
  const waitMs = momentOf(value) - momentOf(headers.date ?? "")
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), longestMs)
}

/** An HTTP date is in GMT; anything else that `Date.parse` may understand is not one. */
function momentOf(text: string): number {
  return /^[A-Za-z]{3,9}, .* GMT$/.test(text) ? Date.parse(text) : Number.NaN
}
