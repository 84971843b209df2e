import * as z from "zod"

// OpenBao accepts more characters. These cannot change the meaning of a URL; a segment never begins with a dot.
const pathPattern = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/
const keyNamePattern = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/

/** Longest path or name, in characters: with the cluster id they form the key's identity of at most 500 characters. */
export const longestPath = 128

const pathMessage =
  'must consist of letters, digits, "_", "-" and "."; "/" separates segments, and no segment begins with "."'

/** Makes the schema of a path on the server: a mount or a namespace. */
export function serverPath() {
  return named(pathMessage, pathPattern)
}

/** Schema of a transit key's name: the server's own rule, so that no name can alter the URL. */
export const keyName = named(
  'must consist of letters, digits, "_", "-" and ".", and begin and end with a letter, a digit or "_"',
  keyNamePattern,
)

/** An empty name also gets the message that says what is allowed. */
function named(error: string, pattern: RegExp) {
  return z
    .string()
    .min(1, { error: `is empty; it ${error}`, abort: true })
    .max(longestPath, { abort: true })
    .regex(pattern, { error })
}
