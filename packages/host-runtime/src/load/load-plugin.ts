import { basename, join, resolve } from "node:path"
import type { AnyPluginDefinition, JsonValue } from "@apeiro-cmk/plugin-interface"
import { scrubbedCause } from "@apeiro-cmk/plugin-sdk"
import { smallNodeArguments, smallNodeEnvironment } from "@apeiro-cmk/plugin-sdk/go-plugin"
import type { CatalogOptions } from "../catalog/catalog-options.ts"
import { checkDeclaration, checkManifest } from "./check-manifest.ts"
import { type HostRuntimeError, isHostRuntimeError } from "../errors.ts"
import { executableDefinition } from "./executable-plugin.ts"
import { importDefinition } from "./import-definition.ts"
import { isolatedDefinition } from "./isolated-plugin.ts"
import { schemasAt } from "../profile/json-schema-path.ts"
import { pluginFailure } from "./load-failures.ts"
import { type PluginPackage, readPluginPackage } from "./locate-package.ts"
import { type ConfigurationInput, parsePluginConfiguration } from "./plugin-configuration.ts"
import type { PluginProcess } from "./plugin-process.ts"
import type { PluginSlot } from "../catalog/plugin-slot.ts"
import type { LoadedProfile, PluginEntry } from "../profile/profile.ts"
import { redactionOf, withRedactedLog } from "./redaction.ts"
import { nameReference, type Reference } from "../profile/reference.ts"
import type { Path } from "../profile/yaml-tree.ts"

const nodeArguments = ["--disable-warning=ExperimentalWarning", ...smallNodeArguments]

/** Longest time for importing one package, in milliseconds. */
const importTimeoutMs = 30_000

/** Loads one plugin: package.json, then its module and manifest, then its configuration. A failure stays in the slot. */
export async function loadPlugin(
  entry: PluginEntry,
  profile: LoadedProfile,
  options: CatalogOptions,
): Promise<PluginSlot> {
  const slot: PluginSlot = { entry, state: "failed", redact: (text) => text }
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

async function fillFromPackage(
  slot: PluginSlot,
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
  const definition = await importDefinition(entry, packageName, importOptions)
  checkManifest(entry, found, definition.manifest)
  slot.definition = definition
  checkProductionReady(entry, definition, profile.mode)
  const input = await configurationInput(entry, definition, profile, options)
  slot.redact = input.redact
  const configuration = parsePluginConfiguration(entry, definition, input)
  const services = withRedactedLog(options.makeServices(entry.name), input.redact)
  const ready = entry.isolation === "process" ? isolated(entry, found, definition, input, profile) : definition
  slot.ready = { definition: ready, configuration, services }
}

async function fillFromExecutable(
  slot: PluginSlot,
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
  checkProductionReady(entry, definition, profile.mode)
  slot.ready = { definition, configuration: { value: undefined }, services: options.makeServices(entry.name) }
}

function isolated(
  entry: PluginEntry,
  { executable }: PluginPackage,
  definition: AnyPluginDefinition,
  { value }: ConfigurationInput,
  profile: LoadedProfile,
): AnyPluginDefinition {
  if (executable === undefined) {
    const reason = "its package has no executable"
    throw pluginFailure(
      entry,
      "PLUGIN_ISOLATION_UNSUPPORTED",
      `is to run as a process of its own, and cannot: ${reason}`,
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
  return isolatedDefinition(definition, isolatedProcess, value)
}

function processOf({ name, kind, logLevel }: PluginEntry): Pick<PluginProcess, "name" | "kind" | "logLevel"> {
  return { name, kind, logLevel }
}

/** An executable made with our SDK finds tenants' files here; others do not read it. */
function credentialVariables({ credentialDirectory }: LoadedProfile): Readonly<Record<string, string>> {
  return { APEIRO_CMK_CREDENTIAL_DIRECTORY: credentialDirectory }
}

function checkProductionReady(
  entry: PluginEntry,
  { manifest }: AnyPluginDefinition,
  mode: LoadedProfile["mode"],
): void {
  if (mode !== "production" || manifest.kind !== "keystore" || manifest.productionReady) return
  throw pluginFailure(
    entry,
    "PLUGIN_NOT_FOR_PRODUCTION",
    `(${manifest.displayName}) is for trials, and the profile says \`mode: production\``,
    "Take it out of the profile and use a keystore that holds its keys itself; or set `mode: development` for a trial.",
    { problems: [entry.problem(["name"], "value", "this plugin is not for production")] },
  )
}

async function configurationInput(
  entry: PluginEntry,
  definition: AnyPluginDefinition,
  profile: LoadedProfile,
  options: CatalogOptions,
): Promise<ConfigurationInput> {
  const values: string[] = []
  const unresolved: Path[] = []
  let value = entry.resolvedConfiguration()
  for (const { path, reference } of entry.references) {
    if (reference.source === "credential") {
      const text = await readCredential(entry, path, reference, options)
      if (text === undefined) unresolved.push(path)
      value = replaceAt(value, path, text ?? nameReference(reference))
      if (text !== undefined) values.push(text)
    } else {
      const text = valueAt(value, path)
      if (typeof text === "string") values.push(text)
    }
  }
  return { value: startAtProfile(value, definition, profile.folder), unresolved, redact: redactionOf(values) }
}

async function readCredential(
  entry: PluginEntry,
  path: Path,
  reference: Extract<Reference, { source: "credential" }>,
  { readCredential, onlyCheck }: CatalogOptions,
): Promise<string | undefined> {
  const nextStep =
    readCredential === undefined
      ? "Use a reference with `source: env` or `source: file` instead."
      : "Store the credential under this name, or use a reference with `source: env` or `source: file`."
  const refuse = (what: string, cause?: Error): HostRuntimeError =>
    pluginFailure(
      entry,
      "SECRET_REFERENCE_UNRESOLVED",
      `refers to the stored credential ${reference.credential}, ${what}`,
      nextStep,
      {
        problems: [entry.problem(["configuration", ...path], "value", "this credential cannot be read")],
        ...(cause === undefined ? {} : { cause }),
      },
    )
  if (readCredential === undefined) throw refuse("and this host keeps no credentials for plugins")
  if (onlyCheck) return undefined
  try {
    const text = await readCredential(reference.credential)
    if (text !== undefined && text !== "") return text
  } catch (error) {
    throw refuse("which could not be read", scrubbedCause(error))
  }
  throw refuse("which does not exist")
}

/** A field with `format: path` in the plugin's schema names a file of the operator: it starts at the profile's folder. */
function startAtProfile(value: JsonValue, { manifest }: AnyPluginDefinition, folder: string): JsonValue {
  const schema = manifest.pluginConfigurationSchema
  const placed = (item: JsonValue, path: Path): JsonValue => {
    if (isMapping(item)) {
      return Object.fromEntries(Object.entries(item).map(([key, child]) => [key, placed(child, [...path, key])]))
    }
    const isPath = schemasAt(schema, path).some(({ format }) => format === "path")
    return isPath && typeof item === "string" && item !== "" ? resolve(folder, item) : item
  }
  return placed(value, [])
}

function valueAt(value: JsonValue, path: Path): JsonValue | undefined {
  const [head, ...rest] = path
  if (head === undefined) return value
  const child = Array.isArray(value) ? value[Number(head)] : isMapping(value) ? value[head] : undefined
  return child === undefined ? undefined : valueAt(child, rest)
}

function replaceAt(value: JsonValue, path: Path, replacement: string): JsonValue {
  const [head, ...rest] = path
  if (head === undefined) return replacement
  if (Array.isArray(value))
    return value.map((item, index) => (index === head ? replaceAt(item, rest, replacement) : item))
  if (!isMapping(value)) return value
  const child = value[head]
  return child === undefined ? value : { ...value, [head]: replaceAt(child, rest, replacement) }
}

function isMapping(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
