import { keystoreCapabilities, type PluginDefinition } from "@apeiro-cmk/plugin-interface"
import { definePlugin } from "@apeiro-cmk/plugin-sdk"
import {
  supervisedKeystorePlugin,
  upstreamKeystoreConfiguration,
  upstreamKeystorePlugin,
} from "@apeiro-cmk/plugin-wire"
import * as z from "zod"
import { type PluginProcess, supervisorOf } from "../../load/plugin-process.ts"

const reason = "the executable serves upstream's service alone"

/**
 * Makes the definition of a keystore plugin from an executable of the upstream server, which has no manifest: it
 * describes keys, and cannot encrypt with them.
 */
export function upstreamOnlyKeystore(process: PluginProcess, yamlConfiguration: string): PluginDefinition<"keystore"> {
  const name = process.name.toLowerCase().replaceAll("_", "-")
  return definePlugin({
    manifest: {
      name,
      displayName: process.name,
      description: "A plugin of the upstream server: it describes keys, and cannot encrypt with them.",
      kind: "keystore",
      contract: "keystore/v1",
      pluginType: name.replaceAll("-", "_"),
      capabilities: [],
      unsupported: Object.fromEntries(keystoreCapabilities.map((capability) => [capability, reason])),
      activationFacts: {},
      identityFields: ["key_id"],
      productionReady: false,
    },
    configuration: { plugin: z.strictObject({}), keystore: upstreamKeystoreConfiguration },
    create: (_configuration, services) =>
      supervisedKeystorePlugin(supervisorOf(process, yamlConfiguration, services), upstreamKeystorePlugin),
  })
}
