import type { ContractKind } from "../kinds/kind.ts"
import { callCases, networkCases, undeclaredCapabilityCase } from "./call-cases.ts"
import { type PluginCase, runPluginCase } from "./case-context.ts"
import { configurationCases } from "./configuration-cases.ts"
import { connectionTestCases, unreachableTestCases } from "./connection-test-cases.ts"
import { lifeCycleCases } from "./life-cycle-cases.ts"
import { manifestCases } from "./manifest-cases.ts"
import type { ConfiguredOnceContractOptions, ConfiguredOnceKind, KindCalls } from "./options.ts"
import { secrecyCases } from "./secrecy-cases.ts"

/** Makes the contract of a kind whose plugins the operator configures once. */
export function configuredOnceContract<Kind extends ConfiguredOnceKind>(
  calls: KindCalls<Kind>,
): ContractKind<ConfiguredOnceContractOptions<Kind>> {
  return {
    groups(options) {
      const declared: readonly string[] = options.plugin.manifest.capabilities
      const undeclared = Object.keys(calls.byCapability).filter((capability) => !declared.includes(capability))
      const tcp = (cases: readonly PluginCase[]) => (options.network === "tcp" ? cases : [])
      const groups = [
        { name: "manifest", cases: manifestCases },
        { name: "configuration", cases: configurationCases },
        { name: "life cycle", cases: lifeCycleCases },
        { name: "connection test", cases: [...connectionTestCases, ...tcp(unreachableTestCases)] },
        { name: "calls", cases: callCases },
        { name: "what it does not do", cases: undeclared.map(undeclaredCapabilityCase) },
        { name: "secrets", cases: secrecyCases },
        { name: "network", cases: tcp(networkCases) },
      ]
      return groups
        .filter(({ cases }) => cases.length > 0)
        .map(({ name, cases }) => ({
          name,
          cases: cases.map((each) => ({
            name: each.name,
            run: (onNotProven: (lack: string) => void) => runPluginCase(each, options, calls, onNotProven),
          })),
        }))
    },
  }
}
