import type { PluginKind } from "@apeiro-cmk/plugin-interface"
import { type CaseResult, resultsOf } from "./case-results.ts"
import { type ContractOptions, contractKinds } from "./kinds/table.ts"
import { registerGroups } from "./registration.ts"
import type { TestRunner } from "./runner.ts"

const casesAtATime = 8

/**
 * Registers the cases that prove a plugin of any kind, with any test runner.
 *
 * ```ts
 * import { describe, it } from "vitest"
 * pluginContract({ describe, it }, "identity", { plugin, network: "tcp", open })
 * ```
 *
 * The manifest chooses the cases: what every plugin of the kind must do, and that it refuses what it does not declare.
 * No case can be skipped. A case ends, or fails, within 40 s.
 */
export function pluginContract<Kind extends PluginKind>(
  runner: TestRunner,
  kind: Kind,
  options: ContractOptions<Kind>,
): void {
  const { name } = options.plugin.manifest
  registerGroups(runner, `${kind} contract v1: ${name}`, name, contractKinds[kind].groups(options))
}

/**
 * Runs every case of {@link pluginContract} without a test runner, several at a time.
 * @param concurrency - most cases at a time. Default 8.
 */
export async function pluginContractResults<Kind extends PluginKind>(
  kind: Kind,
  options: ContractOptions<Kind>,
  concurrency = casesAtATime,
): Promise<readonly CaseResult[]> {
  return resultsOf(contractKinds[kind].groups(options), concurrency)
}
