import type { BoundGroup } from "./bound-case.ts"

/** How one case of a contract ended. */
export interface CaseResult {
  readonly group: string
  readonly name: string
  /** Why it failed; left out when it passed. */
  readonly failure?: unknown
  /** What the case would have needed to prove all that it is about; empty when it did. */
  readonly notProven: readonly string[]
}

/** Runs groups of cases without a test runner, several cases at a time. */
export async function resultsOf(groups: readonly BoundGroup[], concurrency: number): Promise<readonly CaseResult[]> {
  const cases = groups.flatMap((group) => group.cases.map((each) => ({ group: group.name, each })))
  const results: CaseResult[] = []
  const queue = cases.entries()
  const work = async () => {
    for (const [index, { group, each }] of queue) {
      const notProven: string[] = []
      try {
        await each.run((lack) => notProven.push(lack))
        results[index] = { group, name: each.name, notProven }
      } catch (failure) {
        results[index] = { group, name: each.name, failure, notProven }
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return results
}
