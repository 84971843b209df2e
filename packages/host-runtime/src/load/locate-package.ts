import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { join } from "node:path"
import * as z from "zod"
import type { HostRuntimeError } from "../errors.ts"
import type { PluginEntry } from "../profile/profile.ts"
import { pluginFailure } from "./load-failures.ts"

const packageJson = z.looseObject({
  version: z.string().default("unknown"),
  bin: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  openkcm: z.looseObject({ kind: z.string(), name: z.string(), contract: z.string() }).optional(),
})

/** Facts from a plugin's package.json, known before any of its code runs. */
export interface PluginPackage {
  readonly name: string
  readonly version: string
  /** Its first executable, absolute; undefined when it has none. */
  readonly executable: string | undefined
  /** The `openkcm` block. */
  readonly declared: { readonly kind: string; readonly name: string; readonly contract: string }
}

/**
 * Finds a plugin's package where Node would find it from the profile's file, and reads its package.json.
 * @param lookupFrom - the profile, absolute
 * @throws {HostRuntimeError} PLUGIN_PACKAGE_NOT_FOUND - in none of the `node_modules` folders
 * @throws {HostRuntimeError} PLUGIN_MANIFEST_MISMATCH - its package.json is unreadable or has no `openkcm` block
 */
export async function readPluginPackage(
  entry: PluginEntry,
  packageName: string,
  lookupFrom: string,
): Promise<PluginPackage> {
  // `paths` returns null for the names of Node's own modules.
  for (const folder of createRequire(lookupFrom).resolve.paths(packageName) ?? []) {
    const packageFolder = join(folder, packageName)
    const text = await readIfPresent(join(packageFolder, "package.json"))
    if (text !== undefined) return parsePackage(entry, packageName, packageFolder, text)
  }
  throw pluginFailure(
    entry,
    "PLUGIN_PACKAGE_NOT_FOUND",
    `needs the package ${packageName}, which is not installed in the profile's folder or above it`,
    `Install it there: \`npm install ${packageName}\` in the profile's folder or one above it; or correct the name.`,
    { problems: [entry.problem(["package"], "value", "no such package is installed")] },
  )
}

function parsePackage(entry: PluginEntry, packageName: string, folder: string, text: string): PluginPackage {
  const parsed = packageJson.safeParse(parseJson(text))
  if (!parsed.success) throw mismatch(entry, `comes from ${packageName}, whose package.json cannot be understood`)
  const { openkcm, version, bin } = parsed.data
  if (openkcm === undefined) {
    throw mismatch(entry, `comes from ${packageName}, which has no \`openkcm\` block in its package.json`)
  }
  const [first] = typeof bin === "string" ? [bin] : Object.values(bin ?? {})
  const executable = first === undefined ? undefined : join(folder, first)
  return {
    name: packageName,
    version,
    executable,
    declared: { kind: openkcm.kind, name: openkcm.name, contract: openkcm.contract },
  }
}

function mismatch(entry: PluginEntry, what: string): HostRuntimeError {
  return pluginFailure(
    entry,
    "PLUGIN_MANIFEST_MISMATCH",
    what,
    'Name a plugin package; its author declares it with "openkcm": {"kind", "name", "contract"} in package.json.',
  )
}

/** Treats an unreadable file as an empty one: the parser then refuses it. */
async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8")
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    return ""
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
