import { type CaseResult, resultsOf } from "../../case-results.ts"
import { groupsFor } from "./groups.ts"
import { keystoreContractKind } from "./kind.ts"
import type { KeystoreContractOptions } from "./options.ts"

const casesAtATime = 8

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
  return resultsOf(keystoreContractKind.groups(options), concurrency)
}
