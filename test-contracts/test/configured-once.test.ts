import { describe, it } from "vitest"
import {
  type ConfiguredOnceContractOptions,
  openReferencePlugin,
  pluginContract,
  type ReferenceKind,
  referencePlugins,
} from "../src/index.ts"

// Most cases wait for time to pass.
const runner = { describe, it: it.concurrent }

function inProcess<Kind extends ReferenceKind>(kind: Kind): ConfiguredOnceContractOptions<Kind> {
  const plugin = referencePlugins[kind]
  const moduleUrl = import.meta.resolve(`../src/reference/${kind}/plugin.ts`)
  return { plugin, network: "tcp", moduleUrl, open: openReferencePlugin(kind, plugin) }
}

describe("in process", () => {
  pluginContract(runner, "identity", inProcess("identity"))
  pluginContract(runner, "certificate-issuer", inProcess("certificate-issuer"))
  pluginContract(runner, "system-information", inProcess("system-information"))
  pluginContract(runner, "notification", inProcess("notification"))
})
