import { Readable } from "node:stream"
import { finished } from "node:stream/promises"
import { expect, it } from "vitest"
import { longestLineCharacters, readLines } from "../src/host/read-lines.ts"

async function linesOf(...chunks: readonly (string | Uint8Array)[]): Promise<readonly string[]> {
  const lines: string[] = []
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)))
  readLines(stream, (line) => lines.push(line))
  await finished(stream)
  return lines
}

it("lines are read in whatever pieces they come", async () => {
  expect(await linesOf("one\ntw", "o\r\n\nth", "ree")).toEqual(["one", "two", "", "three"])
  const euro = Buffer.from("€\n")
  expect(await linesOf(euro.subarray(0, 1), euro.subarray(1))).toEqual(["€"])
})

it("a line that does not end is cut, and the next one is read", async () => {
  const piece = "x".repeat(10_000)
  const lines = await linesOf(...Array.from({ length: 20 }, () => piece), "\nnext\n")
  expect(lines.map(({ length }) => length)).toEqual([longestLineCharacters, 4])
})
