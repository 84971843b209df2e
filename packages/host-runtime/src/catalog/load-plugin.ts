import { basename, join } from "node:path"
import type { PluginDefinition, PluginKind, PluginManifest } from "@apeiro-cmk/plugin-interface"
import { smallNodeArguments, smallNodeEnvironment } from "@apeiro-cmk/plugin-wire"
import { isHostRuntimeError } from "../errors.ts"
import { hostKinds } from "../kinds/table.ts"
import { checkDeclaration } from "../load/check-manifest.ts"
import { type ConfigurationInput, configurationInput } from "../load/configuration-input.ts"
import { executableDefinition } from "../load/executable-plugin.ts"
import { importDefinition } from "../load/import-definition.ts"
import { isolatedDefinition } from "../load/isolated-plugin.ts"
import { pluginFailure } from "../load/load-failures.ts"
import { type PluginPackage, readPluginPackage } from "../load/locate-package.ts"
import { parsePluginConfiguration } from "../load/plugin-configuration.ts"
import type { PluginProcess } from "../load/plugin-process.ts"
import { withRedactedLog } from "../load/redaction.ts"
import type { LoadedProfile, PluginEntry } from "../profile/profile.ts"
import type { CatalogOptions } from "./catalog-options.ts"
import { PluginSlot } from "./plugin-slot.ts"

const nodeArguments = ["--disable-warning=ExperimentalWarning", ...smallNodeArguments]

/** Longest time for importing one package, in milliseconds. */
const importTimeoutMs = 30_000

/** Loads one plugin: package.json, then its module and manifest, then its configuration. A failure stays in the slot. */
export async function loadPlugin(
  entry: PluginEntry,
  profile: LoadedProfile,
  options: CatalogOptions,
): Promise<PluginSlot> {
  const slot = new PluginSlot(entry)
  try {
    await fillSlot(slot, profile, options)
    slot.state = "loaded"
  } catch (error) {
    if (!isHostRuntimeError(error)) throw error
    slot.error = error
  }
  return slot
}

async function fillSlot(slot: PluginSlot, profile: LoadedProfile, options: CatalogOptions): Promise<void> {
  const { entry } = slot
  if (entry.path !== undefined) return fillFromExecutable(slot, entry.path, profile, options)
  if (entry.package !== undefined) await fillFromPackage(slot, entry.package, profile, options)
}

async function fillFromPackage<Kind extends PluginKind>(
  slot: PluginSlot<Kind>,
  packageName: string,
  profile: LoadedProfile,
  options: CatalogOptions,
): Promise<void> {
  const { entry } = slot
  const lookupFrom = join(profile.folder, basename(profile.file))
  const found = await readPluginPackage(entry, packageName, lookupFrom)
  slot.version = found.version
  checkDeclaration(entry, found)
  const importOptions = { lookupFrom, timeoutMs: importTimeoutMs, clock: options.clock }
  const definition = await importDefinition(entry, found, importOptions)
  slot.definition = definition
  checkProductionReady(entry, definition.manifest, profile.mode)
  const { pluginConfigurationSchema: schema } = definition.manifest
  const input = configurationInput(entry, schema, profile.folder)
  slot.redact = input.redact
  const configuration = parsePluginConfiguration(entry, schema, definition.configuration.plugin, input)
  const services = withRedactedLog(options.makeServices(entry.name, entry.kind), input.redact)
  const ready = entry.isolation === "process" ? await isolated(entry, found, definition, input, profile) : definition
  slot.ready = { definition: ready, configuration, services }
}

async function fillFromExecutable<Kind extends PluginKind>(
  slot: PluginSlot<Kind>,
  path: string,
  profile: LoadedProfile,
  options: CatalogOptions,
): Promise<void> {
  const { entry } = slot
  const { args, env, checksum } = entry
  const definition = await executableDefinition(entry, {
    ...processOf(entry),
    path,
    ...(args === undefined ? {} : { args }),
    env: { ...credentialVariables(profile), ...env },
    ...(checksum === undefined ? {} : { checksum }),
  })
  slot.definition = definition
  checkProductionReady(entry, definition.manifest, profile.mode)
  slot.ready = { definition, configuration: undefined, services: options.makeServices(entry.name, entry.kind) }
}

async function isolated<Kind extends PluginKind>(
  entry: PluginEntry<Kind>,
  { executable }: PluginPackage,
  definition: PluginDefinition<Kind>,
  { value }: ConfigurationInput,
  profile: LoadedProfile,
): Promise<PluginDefinition<Kind>> {
  if (executable === undefined) {
    const reason = "its package has no executable"
    throw pluginFailure(
      entry,
      "PLUGIN_ISOLATION_UNSUPPORTED",
      `cannot run as a separate process: ${reason}`,
      "Write `isolation: in-process` or leave `isolation` out, or ask its author for a package with an executable (`bin`).",
      { problems: [entry.problem(["isolation"], "value", reason)] },
    )
  }
  const isolatedProcess: PluginProcess = {
    ...processOf(entry),
    path: process.execPath,
    args: [...nodeArguments, executable],
    env: { ...smallNodeEnvironment, ...credentialVariables(profile) },
  }
  return isolatedDefinition(entry.kind, definition, isolatedProcess, value)
}

function processOf({ name, kind, logLevel }: PluginEntry): Pick<PluginProcess, "name" | "kind" | "logLevel"> {
  return { name, kind, logLevel }
}

/** An executable made with our SDK finds tenants' files here; others do not read it. */
function credentialVariables({ credentialDirectory }: LoadedProfile): Readonly<Record<string, string>> {
  return { APEIRO_CMK_CREDENTIAL_DIRECTORY: credentialDirectory }
}

function checkProductionReady<Kind extends PluginKind>(
  entry: PluginEntry<Kind>,
  manifest: PluginManifest<Kind>,
  mode: LoadedProfile["mode"],
): void {
  if (mode !== "production" || hostKinds[entry.kind].isProductionReady(manifest)) return
  throw pluginFailure(
    entry,
    "PLUGIN_NOT_FOR_PRODUCTION",
    `(${manifest.displayName}) is for trials, and the profile says \`mode: production\``,
    "Take it out of the profile and use a keystore that holds its keys itself; or set `mode: development` for a trial.",
    { problems: [entry.problem(["name"], "value", "this plugin is not for production")] },
  )
}
