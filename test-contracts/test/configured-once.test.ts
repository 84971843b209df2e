import { fileURLToPath } from "node:url"
import { describe, it } from "vitest"
import {
  type ConfiguredOnceContractOptions,
  openReferencePlugin,
  type PluginExecutable,
  pluginContract,
  type ReferenceKind,
  referencePlugins,
} from "../src/index.ts"

// Most cases wait: for a process to start, or for time to pass.
const runner = { describe, it: it.concurrent }

function inProcess<Kind extends ReferenceKind>(
  kind: Kind,
  executable?: PluginExecutable,
): ConfiguredOnceContractOptions<Kind> {
  const plugin = referencePlugins[kind]
  const moduleUrl = import.meta.resolve(`../src/reference/${kind}/plugin.ts`)
  return { plugin, network: "tcp", moduleUrl, open: openReferencePlugin(kind, plugin, executable) }
}

function overWire<Kind extends ReferenceKind>(kind: Kind): ConfiguredOnceContractOptions<Kind> {
  const serve = fileURLToPath(new URL("../src/reference/serve.ts", import.meta.url))
  return inProcess(kind, { path: process.execPath, args: [serve, kind] })
}

describe("in process", () => {
  pluginContract(runner, "identity", inProcess("identity"))
  pluginContract(runner, "certificate-issuer", inProcess("certificate-issuer"))
  pluginContract(runner, "system-information", inProcess("system-information"))
  pluginContract(runner, "notification", inProcess("notification"))
})

describe("as a process", () => {
  pluginContract(runner, "identity", overWire("identity"))
  pluginContract(runner, "certificate-issuer", overWire("certificate-issuer"))
  pluginContract(runner, "system-information", overWire("system-information"))
  pluginContract(runner, "notification", overWire("notification"))
})
