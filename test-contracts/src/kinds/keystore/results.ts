import { runKeystoreCase } from "./case-context.ts"
import { groupsFor } from "./groups.ts"
import type { KeystoreContractOptions } from "./options.ts"

const casesAtATime = 8

/** How one case of the contract ended. */
export interface CaseResult {
  readonly group: string
  readonly name: string
  /** Why it failed; left out when it passed. */
  readonly failure?: unknown
  /** What the case would have needed to prove all that it is about; empty when it did. */
  readonly notProven: readonly string[]
}

/** Lists every case of the contract for a plugin, without running any. */
export function keystoreContractCases(options: KeystoreContractOptions): readonly Pick<CaseResult, "group" | "name">[] {
  return groupsFor(options).flatMap((group) => group.cases.map(({ name }) => ({ group: group.name, name })))
}

/**
 * Runs every case of the contract without a test runner, several at a time.
 * @param concurrency - most cases at a time; 1 where `open` shares a server that cases stop. Default 8.
 */
export async function keystoreContractResults(
  options: KeystoreContractOptions,
  concurrency = casesAtATime,
): Promise<readonly CaseResult[]> {
  const cases = groupsFor(options).flatMap((group) => group.cases.map((each) => ({ group: group.name, each })))
  const results: CaseResult[] = []
  const queue = cases.entries()
  const work = async () => {
    for (const [index, { group, each }] of queue) {
      const notProven: string[] = []
      try {
        await runKeystoreCase(each, options, (lack) => notProven.push(lack))
        results[index] = { group, name: each.name, notProven }
      } catch (failure) {
        results[index] = { group, name: each.name, failure, notProven }
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return results
}
