import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import * as z from "zod"

/** Names the variable with the path of the case list, which a full run compares with its own cases and then replaces. */
export const caseListVariable = "APEIRO_CMK_TEST_CASES"

const caseList = z.object({
  /** Time of the run, ISO 8601. */
  ranAt: z.string(),
  /** Folder of the project. */
  project: z.string(),
  /** Files of each case by its full name: one entry per occurrence of the name. */
  cases: z.record(z.string(), z.array(z.string())),
})

/** The cases of one full run. */
export type CaseList = z.infer<typeof caseList>

/** A case of an earlier run that a later run does not have. */
export interface LostCase {
  readonly name: string
  /** Its file in the earlier run. */
  readonly file: string
}

/** Reads a list. @returns `undefined` when the file is missing or has another format */
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

/** Replaces a list atomically. */
export function writeCaseList(path: string, list: CaseList): void {
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, JSON.stringify(list))
  renameSync(temporary, path)
}

/** Lists each case that occurs less often in `now` than in `before`. A case that moved to another file is not lost. */
export function lostCases(before: CaseList["cases"], now: CaseList["cases"]): readonly LostCase[] {
  return Object.entries(before).flatMap(([name, files]) => {
    const left = [...(now[name] ?? [])]
    const missing = Math.max(0, files.length - left.length)
    const gone = files.filter((file) => {
      const index = left.indexOf(file)
      if (index >= 0) left.splice(index, 1)
      return index < 0
    })
    return gone.slice(0, missing).map((file) => ({ name, file }))
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // damaged: treated as missing
  }
}
