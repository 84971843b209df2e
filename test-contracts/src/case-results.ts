import type { BoundGroup } from "./bound-case.ts"

/** Result of one case of a contract. */
export interface CaseResult {
  readonly group: string
  readonly name: string
  /** Reason of the failure; absent when it passed. */
  readonly failure?: unknown
  /** Parts of `open` that the case lacked for a complete proof; empty when it lacked none. */
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
