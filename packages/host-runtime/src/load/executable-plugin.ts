import type {
  AnyPluginDefinition,
  ConfigurationParser,
  JsonSchema,
  KeystoreManifest,
  PluginDefinition,
  PluginManifest,
  PluginServices,
} from "@apeiro-cmk/plugin-interface"
import { definePlugin, parseConfiguration } from "@apeiro-cmk/plugin-sdk"
import {
  describePlugin,
  readLogLine,
  supervisedKeystorePlugin,
  supervisedPlugin,
  upstreamKeystoreConfiguration,
  upstreamKeystorePlugin,
} from "@apeiro-cmk/plugin-sdk/go-plugin"
import * as z from "zod"
import { soundManifest } from "./check-manifest.ts"
import { isPluginProcessError, pluginFailure } from "./load-failures.ts"
import { connectionOptions, type PluginProcess, supervisorOf } from "./plugin-process.ts"
import type { PluginEntry } from "../profile/profile.ts"

/**
 * Asks an executable what it is, and makes the definition of a plugin that runs as this process. One that has only
 * upstream's services is a keystore that tells about keys.
 *
 * @throws {HostRuntimeError} PLUGIN_START_FAILED - it cannot be started, or is no plugin of that type
 * @throws {HostRuntimeError} PLUGIN_MANIFEST_MISMATCH - what it says about itself cannot be relied on
 * @throws {HostRuntimeError} PLUGIN_ISOLATION_UNSUPPORTED - it has upstream's service alone, and is no keystore
 */
export async function executableDefinition(entry: PluginEntry, process: PluginProcess): Promise<AnyPluginDefinition> {
  const yamlConfiguration = entry.yamlConfiguration ?? ""
  const said = await described(entry, process)
  if (said !== undefined) {
    return servingDefinition(soundManifest(entry, said), process, yamlConfiguration)
  }
  if (entry.kind === "keystore") return upstreamKeystoreDefinition(process, yamlConfiguration)
  throw pluginFailure(
    entry,
    "PLUGIN_ISOLATION_UNSUPPORTED",
    `serves upstream's service alone, with which this host cannot use a plugin of type ${entry.kind}`,
    "Run it under the upstream server, or use a plugin that was made with our SDK.",
    { problems: [entry.problem(["path"], "value", "this executable has no service for our host")] },
  )
}

async function described(entry: PluginEntry, process: PluginProcess): Promise<unknown> {
  try {
    return await describePlugin(connectionOptions(process))
  } catch (error) {
    if (!isPluginProcessError(error)) throw error
    const last = error.lastLines.at(-1)
    throw pluginFailure(
      entry,
      "PLUGIN_START_FAILED",
      `cannot be started: ${error.message}${last === undefined ? "" : ` Its last line: ${readLogLine(last).message}`}`,
      "Correct what the message says; `path` names a go-plugin executable, and `checksum` is its SHA-256.",
      { cause: error, problems: [entry.problem(["path"], "value", "this executable does not run as a plugin")] },
    )
  }
}

/** The process judges its configuration itself, when it starts. */
const anyConfiguration: ConfigurationParser<unknown> = { parse: (value) => ({ ok: true, value }) }

function servingDefinition(
  manifest: PluginManifest,
  process: PluginProcess,
  yamlConfiguration: string,
): AnyPluginDefinition {
  const keystore = manifest.kind === "keystore" ? parserOf(manifest.keystoreConfigurationSchema) : anyConfiguration
  const definition = {
    manifest,
    configuration: { plugin: anyConfiguration, keystore },
    create: (_configuration: unknown, services: PluginServices) =>
      supervisedPlugin(manifest.kind, supervisorOf(process, yamlConfiguration, services)),
  }
  // `create` gives the kind of plugin that the manifest says.
  return definition as AnyPluginDefinition
}

/** What the schema cannot say, the process says when the keystore is opened. */
function parserOf(schema: JsonSchema): ConfigurationParser<unknown> {
  const parser = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
  return { parse: (input) => parseConfiguration(parser, input) }
}

const upstreamOnly = "the executable serves upstream's service alone"

function upstreamKeystoreDefinition(process: PluginProcess, yamlConfiguration: string): PluginDefinition<"keystore"> {
  const capabilities: Record<KeystoreManifest["capabilities"][number], string> = {
    ...{ listKeyVersions: upstreamOnly, createKey: upstreamOnly, enableKey: upstreamOnly, disableKey: upstreamOnly },
    ...{ rotateKey: upstreamOnly, deleteKey: upstreamOnly, importKey: upstreamOnly },
  }
  const name = process.name.toLowerCase().replaceAll("_", "-")
  return definePlugin({
    manifest: {
      name,
      displayName: process.name,
      description: "A plugin of the upstream server: it tells about keys, and cannot encrypt with them.",
      kind: "keystore",
      contract: "keystore/v1",
      pluginType: name.replaceAll("-", "_"),
      capabilities: [],
      unsupported: capabilities,
      activationFacts: {},
      identityFields: ["key_id"],
      productionReady: false,
    },
    configuration: { plugin: z.strictObject({}), keystore: upstreamKeystoreConfiguration },
    create: (_configuration, services) =>
      supervisedKeystorePlugin(supervisorOf(process, yamlConfiguration, services), upstreamKeystorePlugin),
  })
}
