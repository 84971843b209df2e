import { registerGroups } from "../../registration.ts"
import type { TestRunner } from "../../runner.ts"
import { keystoreContractKind } from "./kind.ts"
import type { KeystoreContractOptions } from "./options.ts"

/**
 * Registers the cases that prove a keystore plugin, with any test runner.
 *
 * ```ts
 * import { describe, it } from "vitest"
 * keystoreContract({ describe, it }, { plugin, network: "tcp", open })
 * ```
 *
 * The manifest chooses the groups: what every plugin must do, what it promises by its capabilities, and that it refuses
 * the rest. No case can be skipped. A case ends, or fails, within 40 s.
 */
export function keystoreContract(runner: TestRunner, options: KeystoreContractOptions): void {
  const { name } = options.plugin.manifest
  registerGroups(runner, `keystore contract v1: ${name}`, name, keystoreContractKind.groups(options))
}
