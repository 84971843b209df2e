import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it, onTestFinished } from "vitest"
import { patternsOf, superlinearFault } from "../patterns/linear-patterns.ts"
import { sourceFiles } from "../source-shape.ts"

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const shipped = ["packages", "apps", "test-contracts/src", "examples"].map((folder) => join(project, folder))
const found = patternsOf(sourceFiles(shipped).filter((file) => !/\/(?:test|scripts)\//.test(file)))
const shown = (place: string) => relative(project, place)

/** Made of constants, of the routes of the API, or of a text whose special characters are escaped. */
const madeAtRunTime = [
  "packages/host-runtime/src/load/redaction.ts",
  "packages/http-api/src/pipeline/path-table.ts",
  "packages/openbao/src/errors.ts",
  "packages/plugin-wire/src/serve/stale-sockets.ts",
]

describe("the regular expressions of the product", () => {
  it("need time in proportion to the length of the text, whatever the text is", () => {
    const faults = found.flatMap(({ place, literal }) => {
      const fault = literal === undefined ? undefined : superlinearFault(literal)
      return fault === undefined ? [] : [`${shown(place)}: ${literal} ${fault}`]
    })
    expect(faults).toEqual([])
    expect(found.length).toBeGreaterThan(100)
  })

  it("are literals, apart from a few that are made of what this project writes itself", () => {
    const files = found.filter(({ literal }) => literal === undefined).map(({ place }) => shown(place).split(":")[0])
    expect(files.toSorted()).toEqual(madeAtRunTime)
  })
})

describe("the judge of regular expressions", () => {
  it.each([
    ["a loop in a loop", "/^(a+)+$/"],
    ["a loop in a loop, with what may be left out between them", "/^(\\w+\\s?)*$/"],
    ["alternatives in a loop that take the same text", "/^(?:a|aa)+$/"],
    ["equal alternatives in a loop", "/^(?:a|a)*$/"],
    ["alternatives that share a part of a class", "/^(?:[a-m]|[k-z])*;$/"],
    ["two loops side by side over the same characters", "/^\\d+\\d+$/"],
    ["two loops with a common character between them", "/^\\P{C}*[^\\s\\p{C}]\\P{C}*$/u"],
    ["two loops with something in between that may be left out", "/^[a-z]+-?[a-z]+$/"],
    ["loops that share a few characters only", "/^[a-f0-9]*[f-z]*$/"],
    ["counted loops, which are loops all the same", "/^[a-z]{0,500}[a-y]{0,500}$/"],
    ["a counted loop in a loop", "/^(?:[a-z]{0,10}){0,10}$/"],
    ["a lazy loop beside a greedy one", "/^a*?a*b/"],
    ["a loop over what may be empty", "/^(a?)*$/"],
    ["a search from any place that can fail at the end", "/\\/+$/"],
    ["a search from any place, with a loop over anything", "/x.*y/"],
    ["a search from each line", "/^ *$/m"],
    ["a look ahead with a loop", "/(?=a+)b/"],
    ["a back reference", "/^(a)\\1$/"],
    ["letters that are equal without their case", "/^a+A+$/i"],
  ])("refuses %s: %s", (_, literal) => {
    expect(superlinearFault(literal)).toBeTypeOf("string")
  })

  it.each([
    ["a bounded name", "/^[a-z0-9][a-z0-9-]{0,39}$/"],
    ["segments with a separator that no segment has", "/^[a-z]+(?:\\.[a-z]+)*$/"],
    ["fixed lengths side by side", "/^\\d{4}\\d{2}T[0-9a-f]{8}-[0-9a-f]{4}$/"],
    ["alternatives with the same beginning", "/^(?:foo|foobar)$/"],
    ["a search that cannot fail once it has begun", "/\\s+/g"],
    ["a search for single characters", "/[^\\P{C}]/gu"],
    ["a class that holds brackets and slashes", "/^https?:\\/\\/[A-Za-z0-9.{}:[\\]-]+$/"],
    ["letters that differ by their case", "/^a+A+$/"],
    ["a look back at one character", "/(?<![A-Za-z0-9])word(?![A-Za-z0-9])/"],
  ])("accepts %s: %s", (_, literal) => {
    expect(superlinearFault(literal)).toBeUndefined()
  })

  it("finds the regular expressions of a file, and those that it makes at run time", () => {
    const folder = mkdtempSync(join(tmpdir(), "apeiro-cmk-patterns-"))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, "a.ts")
    writeFileSync(
      file,
      'const half = 4 / 2 / 1\nexport const a = [/a"\\/b/gu, new RegExp("c"), RegExp("d"), half] // not /e/\n',
    )
    expect(patternsOf([file])).toEqual([
      { place: `${file}:2`, literal: '/a"\\/b/gu' },
      { place: `${file}:2`, literal: undefined },
      { place: `${file}:2`, literal: undefined },
    ])
  })
})
