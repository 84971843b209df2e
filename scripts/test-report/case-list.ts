import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import * as z from "zod"

/** Names the file in which a full run finds the cases of the full run before, and leaves its own. */
export const caseListVariable = "APEIRO_CMK_TEST_CASES"

const caseList = z.object({
  /** When and where the cases ran. */
  ranAt: z.string(),
  project: z.string(),
  /** File of each case, by the full name of the case: one entry for each time that the name occurs. */
  cases: z.record(z.string(), z.array(z.string())),
})

/** The cases of one full run. */
export type CaseList = z.infer<typeof caseList>

/** One case that an earlier run had. */
export interface LostCase {
  readonly name: string
  /** A file in which the earlier run had it. */
  readonly file: string
}

/** Reads a list. @returns `undefined` when there is none, or one of another format */
export function readCaseList(path: string): CaseList | undefined {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
  return caseList.safeParse(parseJson(text)).data
}

/** Replaces a list in one step. */
export function writeCaseList(path: string, list: CaseList): void {
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, JSON.stringify(list))
  renameSync(temporary, path)
}

/** Lists each case of `before` that `now` has less often. A case that moved to another file is not lost. */
export function lostCases(before: CaseList["cases"], now: CaseList["cases"]): readonly LostCase[] {
  return Object.entries(before).flatMap(([name, files]) => {
    const left = now[name] ?? []
    const gone = files.filter((file) => !left.includes(file))
    const places = gone.length === 0 ? files : gone
    return places.slice(0, Math.max(0, files.length - left.length)).map((file) => ({ name, file }))
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // written by hand, or cut short: as if there were none
  }
}
