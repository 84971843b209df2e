import type { Readable } from "node:stream"

/** Longer lines are cut: a plugin must not fill the host's memory. go-plugin reads no more at once either. */
export const longestLineCharacters = 65_536

/** Passes on each line of a UTF-8 stream without its line end, and what is left when the stream ends. */
export function readLines(stream: Readable, take: (line: string) => void): void {
  let line = ""
  const add = (text: string) => {
    line += text.slice(0, longestLineCharacters - line.length)
  }
  const finish = () => {
    take(line.endsWith("\r") ? line.slice(0, -1) : line)
    line = ""
  }
  stream.setEncoding("utf8")
  stream.on("data", (chunk: string) => {
    const [first = "", ...others] = chunk.split("\n")
    add(first)
    for (const next of others) {
      finish()
      add(next)
    }
  })
  stream.once("end", () => {
    if (line !== "") finish()
  })
}
