import { keystoreCapabilities } from "@apeiro-cmk/plugin-interface"
import { secretFields } from "@apeiro-cmk/plugin-sdk"
import type { ContractGroup } from "../../runner.ts"
import { abortCases } from "./abort-cases.ts"
import { administrationCases, serverAdministrationCases } from "./administration-cases.ts"
import { bufferCases } from "./buffer-cases.ts"
import { callCases } from "./call-cases.ts"
import type { KeystoreCaseContext } from "./case-context.ts"
import { configurationCases, credentialCases } from "./configuration-cases.ts"
import { connectionTestCases } from "./connection-test-cases.ts"
import { cryptographyCases } from "./cryptography-cases.ts"
import { fileSecretCases, takesSecretsFromFiles } from "./file-secret-cases.ts"
import { capabilityCases, keyCases, undeclaredCapabilityCase } from "./key-cases.ts"
import { loadingCases } from "./loading-cases.ts"
import { manifestCases } from "./manifest-cases.ts"
import { networkCases } from "./network-cases.ts"
import type { KeystoreContractOptions } from "./options.ts"
import { secrecyCases } from "./secrecy-cases.ts"

/** The groups of cases that a plugin's manifest chooses. */
export function groupsFor(options: KeystoreContractOptions): readonly ContractGroup<KeystoreCaseContext>[] {
  const { capabilities, keystoreConfigurationSchema } = options.plugin.manifest
  const declared = keystoreCapabilities.filter((capability) => capabilities.includes(capability))
  const undeclared = keystoreCapabilities.filter((capability) => !capabilities.includes(capability))
  const groups = [
    { name: "manifest", cases: [...manifestCases, ...loadingCases] },
    { name: "configuration", cases: configurationCases },
    { name: "credentials", cases: secretFields(keystoreConfigurationSchema).length > 0 ? credentialCases : [] },
    { name: "cryptography", cases: [...cryptographyCases, ...bufferCases] },
    { name: "keys", cases: keyCases },
    ...declared.map((capability) => ({ name: `capability ${capability}`, cases: capabilityCases[capability] })),
    { name: "what it does not do", cases: undeclared.map(undeclaredCapabilityCase) },
    {
      name: "administration",
      cases: options.network === "tcp" ? [...administrationCases, ...serverAdministrationCases] : administrationCases,
    },
    { name: "calls", cases: [...abortCases, ...callCases] },
    { name: "connection test", cases: connectionTestCases },
    { name: "secrets", cases: secrecyCases },
    { name: "secrets in files", cases: takesSecretsFromFiles(options) ? fileSecretCases : [] },
    { name: "network", cases: options.network === "tcp" ? networkCases : [] },
  ]
  return groups.filter((group) => group.cases.length > 0)
}
