import type { ConfigurationParser, PluginDefinition, PluginKind, PluginManifest } from "@apeiro-cmk/plugin-interface"
import { shownText } from "@apeiro-cmk/plugin-sdk"
import { describePlugin, loadRemotePlugin, readLogLine } from "@apeiro-cmk/plugin-wire"
import { hostKinds } from "../kinds/table.ts"
import type { PluginEntry } from "../profile/profile.ts"
import { soundManifest } from "./check-manifest.ts"
import { isPluginProcessError, pluginFailure } from "./load-failures.ts"
import { connectionOptions, type PluginProcess, supervisorOf } from "./plugin-process.ts"

/**
 * Asks an executable for its manifest, and makes the definition of a plugin that runs as this process.
 *
 * @throws {HostRuntimeError} PLUGIN_START_FAILED - it cannot be started, or is not a plugin of that kind
 * @throws {HostRuntimeError} PLUGIN_MANIFEST_MISMATCH - its manifest cannot be relied on
 * @throws {HostRuntimeError} PLUGIN_ISOLATION_UNSUPPORTED - it serves the upstream service alone, and the host cannot use
 * a plugin of this kind with it
 */
export async function executableDefinition<Kind extends PluginKind>(
  entry: PluginEntry<Kind>,
  process: PluginProcess,
): Promise<PluginDefinition<Kind>> {
  const yamlConfiguration = entry.yamlConfiguration ?? ""
  const said = await described(entry, process)
  if (said !== undefined) {
    return servingDefinition(entry.kind, soundManifest(entry, said), process, yamlConfiguration)
  }
  const upstreamOnly = hostKinds[entry.kind].upstreamOnly?.(process, yamlConfiguration)
  if (upstreamOnly !== undefined) return upstreamOnly
  throw pluginFailure(
    entry,
    "PLUGIN_ISOLATION_UNSUPPORTED",
    `serves the upstream service alone, with which this host cannot use a plugin of type ${entry.kind}`,
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
      `cannot be started: ${shownText(error.message)}${last === undefined ? "" : ` Its last line: ${shownText(readLogLine(last).message, 500)}`}`,
      "Fix what the message reports; `path` names a go-plugin executable, and `checksum` is its SHA-256.",
      { cause: error, problems: [entry.problem(["path"], "value", "this executable does not run as a plugin")] },
    )
  }
}

/** The process checks its configuration itself, when it starts. */
const anyConfiguration: ConfigurationParser<unknown> = { parse: (value) => ({ ok: true, value }) }

async function servingDefinition<Kind extends PluginKind>(
  kind: Kind,
  manifest: PluginManifest<Kind>,
  process: PluginProcess,
  yamlConfiguration: string,
): Promise<PluginDefinition<Kind>> {
  const remotePlugin = await loadRemotePlugin(kind)
  return {
    manifest,
    configuration: { ...hostKinds[kind].parsersFrom(manifest), plugin: anyConfiguration },
    create: (_configuration, services) => remotePlugin(supervisorOf(process, yamlConfiguration, services)),
  }
}
