import type { Readable } from "node:stream"

/** What is longer is cut: a plugin must not fill the host's memory. go-plugin reads at most as much at once. */
export const longestLineCharacters = 65_536

/** Hands on each line of a UTF-8 stream without its end, and what is left when the stream ends. */
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
