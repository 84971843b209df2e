import * as z from "zod"

// OpenBao takes more, but nothing that changes the meaning of a URL; a segment never begins with a dot.
const pathPattern = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/
const keyNamePattern = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/

/** Longest path and name, in characters: with the cluster id they make the key's identity, which has at most 500. */
export const longestPath = 128

const pathMessage = 'must be letters, digits, "_", "-" and ".", in parts joined by "/", none of which begins with "."'

/** A path of the server: a mount or a namespace. */
export function serverPath() {
  return named(pathMessage, pathPattern)
}

/** Name of a transit key: the server's own rule for names, so that no name can alter the URL. */
export const keyName = named(
  'must be letters, digits, "_", "-" and ".", and begin and end with a letter, a digit or "_"',
  keyNamePattern,
)

/** An empty name is told what is allowed, too. */
function named(error: string, pattern: RegExp) {
  return z
    .string()
    .min(1, { error: `is empty; it ${error}`, abort: true })
    .max(longestPath)
    .regex(pattern, { error })
}
