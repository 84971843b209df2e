/** Returns what stands before the first occurrence of a sign, e.g. of one that begins a comment, without spaces around it. */
export function textBefore(sign: string, line: string): string {
  const [before = ""] = line.split(sign, 1)
  return before.trim()
}
