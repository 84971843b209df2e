import type { TestRunner } from "../../runner.ts"
import { runKeystoreCase } from "./case-context.ts"
import { groupsFor } from "./groups.ts"
import type { KeystoreContractOptions } from "./options.ts"

/**
 * Registers the cases that prove a keystore plugin, with any test runner.
 *
 * ```ts
 * import { describe, it } from "vitest"
 * keystoreContract({ describe, it }, { plugin, network: "tcp", open })
 * ```
 *
 * The manifest chooses the groups: what each plugin must do, what it promises by its capabilities, and that the rest is
 * refused. Nothing can be skipped. A case ends, or fails, within 40 s.
 */
export function keystoreContract(runner: TestRunner, options: KeystoreContractOptions): void {
  runner.describe(`keystore contract v1: ${options.plugin.manifest.name}`, () => {
    for (const group of groupsFor(options)) {
      runner.describe(group.name, () => {
        for (const each of group.cases)
          runner.it(each.name, () =>
            runKeystoreCase(each, options, (lack) => {
              process.stderr.write(`NOT PROVEN: ${options.plugin.manifest.name} ${each.name}: there is no ${lack}\n`)
            }),
          )
      })
    }
  })
}
