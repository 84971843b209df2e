import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { type Clock, isPluginError, type PluginDefinition, type PluginKind } from "@apeiro-cmk/plugin-interface"
import { abortable, scrubbedCause, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { HostRuntimeError } from "../errors.ts"
import type { PluginEntry } from "../profile/profile.ts"
import { checkManifest } from "./check-manifest.ts"
import { isDefinitionOf, isExportedPlugin } from "./exported-plugin.ts"
import { pluginFailure } from "./load-failures.ts"
import type { PluginPackage } from "./locate-package.ts"

/** Bounds and place of an import. */
export interface ImportOptions {
  /** The profile, absolute: packages are looked up as if it were a module. */
  readonly lookupFrom: string
  /** Longest time for the import, in milliseconds. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Imports a plugin package's module and returns its export `plugin`, checked against the kind that the profile names.
 * @throws {HostRuntimeError} PLUGIN_EXPORT_MISSING, PLUGIN_DEPENDENCY_MISSING, PLUGIN_IMPORT_FAILED,
 * PLUGIN_MANIFEST_MISMATCH
 */
export async function importDefinition<Kind extends PluginKind>(
  entry: PluginEntry<Kind>,
  found: PluginPackage,
  options: ImportOptions,
): Promise<PluginDefinition<Kind>> {
  const { name } = found
  const module = await importModule(entry, name, resolveModule(entry, name, options), options)
  const exported = "plugin" in module ? module.plugin : undefined
  if (isExportedPlugin(exported)) {
    checkManifest(entry, found, exported.manifest)
    if (isDefinitionOf(exported, entry.kind)) return exported
  }
  const what =
    exported === undefined
      ? `comes from ${name}, which exports no \`plugin\` (it exports: ${Object.keys(module).join(", ") || "nothing"})`
      : `comes from ${name}, whose export \`plugin\` is not a plugin definition`
  const nextStep = "Ask its author to write `export const plugin = definePlugin({ manifest, configuration, create })`."
  throw pluginFailure(entry, "PLUGIN_EXPORT_MISSING", what, nextStep)
}

/** Resolves as `require` does, which honours the `default` condition and can start at any folder. */
function resolveModule(entry: PluginEntry, packageName: string, { lookupFrom }: ImportOptions): string {
  try {
    return createRequire(lookupFrom).resolve(packageName)
  } catch (error) {
    const what =
      codeOf(error) === "ERR_PACKAGE_PATH_NOT_EXPORTED"
        ? `comes from ${packageName}, whose package.json exports "." under no \`default\` condition`
        : `comes from ${packageName}, whose package.json names a module that is not in the package`
    const nextStep = 'Ask its author for a built package with "exports": {".": {"default": FILE}}.'
    throw pluginFailure(entry, "PLUGIN_EXPORT_MISSING", what, nextStep, { cause: scrubbedCause(error) })
  }
}

async function importModule(
  entry: PluginEntry,
  packageName: string,
  file: string,
  { timeoutMs, clock }: ImportOptions,
): Promise<object> {
  const deadline = withDeadline(undefined, timeoutMs, clock)
  const imported = tellOfExit(entry, packageName)
  try {
    const module: unknown = await abortable(import(pathToFileURL(file).href), deadline.signal)
    return typeof module === "object" && module !== null ? module : {}
  } catch (error) {
    throw importFailure(entry, packageName, error, timeoutMs)
  } finally {
    imported()
    deadline.dispose()
  }
}

/** Reports a module that ends the process on import, which would otherwise end silently and with 0. @returns a function that stops watching */
function tellOfExit(entry: PluginEntry, packageName: string): () => void {
  const onExit = (code: number) => {
    process.stderr.write(
      `The process ends while plugin \`${entry.name}\` is imported: the module of ${packageName} ended it. Report it to the plugin's author.\n`,
    )
    if (code === 0) process.exitCode = 1
  }
  process.once("exit", onExit)
  return () => process.off("exit", onExit)
}

function importFailure(entry: PluginEntry, packageName: string, error: unknown, timeoutMs: number): HostRuntimeError {
  const code = codeOf(error)
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND" || code === "ERR_PACKAGE_PATH_NOT_EXPORTED") {
    return pluginFailure(
      entry,
      "PLUGIN_DEPENDENCY_MISSING",
      `comes from ${packageName}, which is installed without something that it imports: ${firstLine(error)}`,
      `Install it again with its dependencies: \`npm install ${packageName}\` in the profile's folder.`,
      { cause: scrubbedCause(error) },
    )
  }
  const why =
    isPluginError(error) && error.code === "TIMED_OUT"
      ? `did not finish within ${timeoutMs} ms`
      : `failed: ${firstLine(error)}`
  return pluginFailure(
    entry,
    "PLUGIN_IMPORT_FAILED",
    `comes from ${packageName}, and importing its module ${why}`,
    code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING"
      ? "Ask its author for a package that ships JavaScript; Node runs no TypeScript inside node_modules."
      : "Report it to the plugin's author; or set `onFailure: continue` to start without this plugin.",
    { cause: scrubbedCause(error) },
  )
}

/** Safe to show: the module has not read any configuration yet, so its message cannot carry a secret of the profile. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split("\n", 1)[0]?.slice(0, 300) ?? ""
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}
