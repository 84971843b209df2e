/** Position at which a text stops being JSON; both count from 1. */
export interface JsonFault {
  readonly line: number
  readonly column: number
}

/**
 * Finds where a text stops being JSON. The parser's own message is never shown: it quotes the text, which may hold a
 * secret.
 *
 * @returns undefined when it is JSON
 */
export function jsonFault(text: string): JsonFault | undefined {
  const message = parserMessage(text)
  if (message === undefined) return undefined
  const before = text.slice(0, offsetOf(text, message)).split("\n")
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

function offsetOf(text: string, message: string): number {
  const stated = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1]
  if (stated !== undefined) return Number(stated)
  if (!isUnexpectedToken(message)) return text.trimEnd().length // it ends too early
  // The parser names the token but not its place: the shortest beginning of the text that has the token ends with it.
  let without = 0
  let withIt = text.length
  while (withIt - without > 1) {
    const middle = Math.floor((without + withIt) / 2)
    if (isUnexpectedToken(parserMessage(text.slice(0, middle)))) withIt = middle
    else without = middle
  }
  return without
}

function isUnexpectedToken(message: string | undefined): boolean {
  return message?.startsWith("Unexpected token") ?? false
}

function parserMessage(text: string): string | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : ""
  }
}
