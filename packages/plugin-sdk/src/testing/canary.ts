/** Place and spelling of a canary that was found; never holds the canary itself. */
export interface FoundCanary {
  /** Index into the list of canaries. */
  readonly index: number
  /** E.g. `plain`, `base64`, `hex`. */
  readonly spelling: string
}

/**
 * Lists the spellings under which a secret could appear in text: plain, JSON-escaped, percent-encoded, hex in both
 * cases, and base64 and base64url at each of the three alignments that it can have inside longer encoded data.
 *
 * @param canary - at least 8 bytes, so that no spelling appears by chance
 */
export function canarySpellings(canary: string | Uint8Array): ReadonlyMap<string, string> {
  const bytes = Buffer.from(canary)
  if (bytes.length < 8) throw new Error("A canary must have at least 8 bytes.")
  const spellings = new Map<string, string>()
  const text = bytes.toString("utf8")
  if (Buffer.from(text, "utf8").equals(bytes)) {
    spellings.set("plain", text)
    const escaped = JSON.stringify(text).slice(1, -1)
    spellings.set("json", escaped)
    spellings.set("json in json", JSON.stringify(escaped).slice(1, -1))
    spellings.set("json with escapes throughout", unicodeEscapes(text))
    spellings.set("percent-encoded", encodeURIComponent(text))
  }
  spellings.set("hex", bytes.toString("hex"))
  spellings.set("upper-case hex", bytes.toString("hex").toUpperCase())
  spellings.set("bytes in JSON", [...bytes].join(","))
  for (const offset of [0, 1, 2]) {
    const inner = innerBase64(bytes, offset)
    spellings.set(`base64 at offset ${offset}`, inner)
    spellings.set(`base64url at offset ${offset}`, inner.replaceAll("+", "-").replaceAll("/", "_"))
  }
  return spellings
}

/** Finds the first canary in a text or in raw bytes (a database file, a memory dump), under any spelling. */
export function findCanary(
  haystack: string | Uint8Array,
  canaries: readonly (string | Uint8Array)[],
): FoundCanary | undefined {
  const bytes = Buffer.from(haystack)
  for (const [index, canary] of canaries.entries()) {
    if (bytes.includes(Buffer.from(canary))) return { index, spelling: "plain" }
    for (const [spelling, text] of canarySpellings(canary)) if (bytes.includes(text)) return { index, spelling }
  }
  return undefined
}

/** Returns the characters of the base64 text that depend on these bytes only, when `offset` other bytes precede them. */
function innerBase64(bytes: Buffer, offset: number): string {
  const padded = Buffer.concat([Buffer.alloc(offset), bytes])
  const text = padded.toString("base64")
  const first = Math.ceil((offset * 8) / 6)
  const last = Math.floor((padded.length * 8) / 6)
  return text.slice(first, last)
}

function unicodeEscapes(text: string): string {
  return Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
    "",
  )
}
