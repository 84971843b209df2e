import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import {
  type ConfiguredOnceContractOptions,
  openReferencePlugin,
  pluginContract,
  type ReferenceKind,
  referencePlugins,
} from "../src/index.ts"

// Most cases wait: for a process to start, or for time to pass.
const runner = { describe, it: it.concurrent }
const serve = fileURLToPath(new URL("../src/reference/serve.ts", import.meta.url))

function overWire<Kind extends ReferenceKind>(kind: Kind): ConfiguredOnceContractOptions<Kind> {
  const plugin = referencePlugins[kind]
  const moduleUrl = import.meta.resolve(`../src/reference/${kind}/plugin.ts`)
  const executable = { path: process.execPath, args: [serve, kind] }
  return { plugin, network: "tcp", moduleUrl, open: openReferencePlugin(kind, plugin, executable) }
}

describe("as a process", () => {
  pluginContract(runner, "identity", overWire("identity"))
  pluginContract(runner, "certificate-issuer", overWire("certificate-issuer"))
  pluginContract(runner, "system-information", overWire("system-information"))
  pluginContract(runner, "notification", overWire("notification"))
})
