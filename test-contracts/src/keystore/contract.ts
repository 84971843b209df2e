import { secretFields } from "@apeiro-cmk/plugin-sdk"
import type { ContractGroup, TestRunner } from "../runner.ts"
import { callCases } from "./call-cases.ts"
import { type KeystoreCaseContext, runKeystoreCase } from "./case-context.ts"
import { configurationCases, credentialCases } from "./configuration-cases.ts"
import { connectionTestCases } from "./connection-test-cases.ts"
import { cryptographyCases } from "./cryptography-cases.ts"
import { capabilityCases, keyCases, undeclaredCapabilityCase } from "./key-cases.ts"
import { allCapabilities, manifestCases } from "./manifest-cases.ts"
import { networkCases } from "./network-cases.ts"
import type { KeystoreContractOptions } from "./options.ts"
import { secrecyCases } from "./secrecy-cases.ts"

/**
 * Registers the cases that prove a keystore plugin, with any test runner.
 *
 * ```ts
 * import { describe, it } from "vitest"
 * keystoreContract({ describe, it }, { plugin, network: "tcp", open })
 * ```
 *
 * The manifest chooses the groups: what each plugin must do, what it promises by its capabilities, and that the rest is
 * refused. Nothing can be skipped. A case ends, or fails, within 25 s.
 */
export function keystoreContract(runner: TestRunner, options: KeystoreContractOptions): void {
  runner.describe(`keystore contract v1: ${options.plugin.manifest.name}`, () => {
    for (const group of groupsFor(options)) {
      runner.describe(group.name, () => {
        for (const each of group.cases) runner.it(each.name, () => runKeystoreCase(each, options))
      })
    }
  })
}

function groupsFor(options: KeystoreContractOptions): readonly ContractGroup<KeystoreCaseContext>[] {
  const { capabilities, keystoreConfigurationSchema } = options.plugin.manifest
  const declared = allCapabilities.filter((capability) => capabilities.includes(capability))
  const undeclared = allCapabilities.filter((capability) => !capabilities.includes(capability))
  const groups = [
    { name: "manifest", cases: manifestCases },
    { name: "configuration", cases: configurationCases },
    { name: "credentials", cases: secretFields(keystoreConfigurationSchema).length > 0 ? credentialCases : [] },
    { name: "cryptography", cases: cryptographyCases },
    { name: "keys", cases: keyCases },
    { name: "capabilities", cases: declared.flatMap((capability) => capabilityCases[capability] ?? []) },
    { name: "what it does not do", cases: undeclared.map(undeclaredCapabilityCase) },
    { name: "calls", cases: callCases },
    { name: "connection test", cases: connectionTestCases },
    { name: "secrets", cases: secrecyCases },
    { name: "network", cases: options.network === "tcp" ? networkCases : [] },
  ]
  return groups.filter((group) => group.cases.length > 0)
}
