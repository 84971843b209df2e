interface Level {
  /** Keys seen so far; absent for a list. */
  readonly keys?: Set<string>
  /** Present position of the scan in this object or list. */
  place: string | number
  awaitsKey: boolean
}

/**
 * Finds a key that occurs twice in one object: a parser silently takes one of the two values, and a proxy or a log may have
 * read the other.
 *
 * @param text - valid JSON
 * @returns the path of the second occurrence; undefined when each key occurs once
 */
export function repeatedKey(text: string): readonly (string | number)[] | undefined {
  const levels: Level[] = []
  for (let position = 0; position < text.length; position++) {
    const character = text[position]
    const level = levels.at(-1)
    if (character === '"') {
      const end = endOfString(text, position)
      if (level?.keys !== undefined && level.awaitsKey) {
        const key = String(JSON.parse(text.slice(position, end + 1)))
        level.place = key
        level.awaitsKey = false
        if (level.keys.has(key)) return levels.map(({ place }) => place)
        level.keys.add(key)
      }
      position = end
    } else if (character === "{") levels.push({ keys: new Set(), place: "", awaitsKey: true })
    else if (character === "[") levels.push({ place: 0, awaitsKey: false })
    else if (character === "}" || character === "]") levels.pop()
    else if (character === "," && level !== undefined) {
      if (typeof level.place === "number") level.place += 1
      else level.awaitsKey = true
    }
  }
  return undefined
}

/** Finds the closing quotation mark of a string. @returns its position; the length of the text where there is none */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text[end - 1 - backslashes] === "\\") backslashes += 1
    if (backslashes % 2 === 0) return end
  }
  return text.length
}
