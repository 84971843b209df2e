import type { ContractKind } from "../kind.ts"
import { runKeystoreCase } from "./case-context.ts"
import { groupsFor } from "./groups.ts"
import type { KeystoreContractOptions } from "./options.ts"

/** The contract of keystore plugins. */
export const keystoreContractKind: ContractKind<KeystoreContractOptions> = {
  groups: (options) =>
    groupsFor(options).map(({ name, cases }) => ({
      name,
      cases: cases.map((each) => ({
        name: each.name,
        run: (onNotProven: (lack: string) => void) => runKeystoreCase(each, options, onNotProven),
      })),
    })),
}
