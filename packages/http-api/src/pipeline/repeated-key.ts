interface Level {
  /** Absent for a list. */
  readonly keys?: Set<string>
  /** Where in this object or list the scan stands. */
  place: string | number
  awaitsKey: boolean
}

/**
 * Finds a key that stands twice in one object: of two values a parser takes one without a word, and a proxy or a log may
 * have read the other.
 *
 * @param text - valid JSON
 * @returns the path of the second one; undefined when every key is there once
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

/** @returns the position of the closing quotation mark */
function endOfString(text: string, start: number): number {
  let position = start + 1
  while (text[position] !== '"') position += text[position] === "\\" ? 2 : 1
  return position
}
