import type { PluginManifest } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import type { HostRuntimeError } from "../errors.ts"
import { pluginFailure } from "./load-failures.ts"
import type { PluginPackage } from "./locate-package.ts"
import type { PluginEntry } from "../profile/profile.ts"
import { pluginKinds } from "../profile/profile-schema.ts"
import { showPath } from "../profile/profile-text.ts"

/** The contracts that this host serves. */
const servedContracts: readonly string[] = pluginKinds.map((kind) => `${kind}/v1`)

const jsonSchema = z.record(z.string(), z.json())
const common = {
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  displayName: z.string().min(1),
  description: z.string().min(1),
  contract: z.string(),
  pluginConfigurationSchema: jsonSchema,
  capabilities: z.array(z.string()),
  unsupported: z.record(z.string(), z.string()),
}

/** The parts of a manifest that the host relies on; it may say more. */
const manifestSchema = z.discriminatedUnion("kind", [
  z.looseObject({
    ...common,
    kind: z.literal("keystore"),
    pluginType: z.string().regex(/^[a-z][a-z0-9_]*$/),
    keystoreConfigurationSchema: jsonSchema,
    activationFacts: z.record(z.string(), z.looseObject({ description: z.string() })),
    identityFields: z.array(z.string()),
    operationsPerHourField: z.string().optional(),
    productionReady: z.boolean(),
  }),
  z.looseObject({ ...common, kind: z.enum(pluginKinds).exclude(["keystore"]) }),
])

/**
 * Checks, before any of a package's code runs, that the host serves what it declares and that the profile calls it so.
 * @throws {HostRuntimeError} PLUGIN_CONTRACT_UNSUPPORTED, PLUGIN_MANIFEST_MISMATCH
 */
export function checkDeclaration(entry: PluginEntry, { declared }: PluginPackage): void {
  if (!servedContracts.includes(declared.contract)) {
    throw pluginFailure(
      entry,
      "PLUGIN_CONTRACT_UNSUPPORTED",
      `is made for the contract ${declared.contract}; this host serves ${servedContracts.join(", ")}`,
      "Install a release of the plugin for a contract that this host serves, or a host that serves the plugin's.",
    )
  }
  if (declared.kind !== entry.kind) {
    throw pluginFailure(
      entry,
      "PLUGIN_MANIFEST_MISMATCH",
      `is of kind ${declared.kind}, and the profile says ${entry.kind}`,
      `Write \`type: ${declared.kind}\` in the profile, or name another package.`,
      { problems: [entry.problem(["type"], "value", "this is not the kind of the plugin", [declared.kind])] },
    )
  }
}

/**
 * Checks that an exported manifest is sound plain data and says what package.json says.
 * @throws {HostRuntimeError} PLUGIN_MANIFEST_MISMATCH
 */
export function checkManifest(entry: PluginEntry, { declared }: PluginPackage, manifest: PluginManifest): void {
  const faults = isCloneable(manifest) ? soundnessFaults(manifest) : ["it is not plain data"]
  for (const fact of ["kind", "name", "contract"] as const) {
    if (manifest[fact] === declared[fact]) continue
    faults.push(`${fact} is ${say(manifest[fact])} in the manifest and ${say(declared[fact])} in package.json`)
  }
  if (faults.length === 0) faults.push(...contractFaults(manifest))
  const nextStep = "Ask its author to make the manifest complete and equal to the `openkcm` block of package.json."
  if (faults.length > 0) throw unreliable(entry, faults, nextStep)
}

/**
 * The manifest that an executable says it has, once it is found sound and of the kind that the profile says.
 * @throws {HostRuntimeError} PLUGIN_MANIFEST_MISMATCH
 */
export function soundManifest(entry: PluginEntry, said: unknown): PluginManifest {
  const faults = soundnessFaults(said)
  // What the schema has accepted has every member that the host relies on.
  const manifest = said as PluginManifest
  if (faults.length === 0 && manifest.kind !== entry.kind) {
    faults.push(`kind is ${say(manifest.kind)} in the manifest and ${say(entry.kind)} in the profile`)
  }
  if (faults.length === 0) faults.push(...contractFaults(manifest))
  if (faults.length === 0) return manifest
  throw unreliable(entry, faults, "Ask the executable's author for a release whose manifest is complete.")
}

function unreliable(entry: PluginEntry, faults: readonly string[], nextStep: string): HostRuntimeError {
  const what = `has a manifest that cannot be relied on: ${faults.join("; ")}`
  return pluginFailure(entry, "PLUGIN_MANIFEST_MISMATCH", what, nextStep)
}

function contractFaults({ contract, kind }: PluginManifest): string[] {
  return contract === `${kind}/v1` ? [] : [`its contract ${contract} is not one of its kind ${kind}`]
}

function soundnessFaults(manifest: unknown): string[] {
  const parsed = manifestSchema.safeParse(manifest)
  return parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${showPath(plainPath(issue.path))}: ${issue.message}`)
}

function plainPath(path: readonly PropertyKey[]): (string | number)[] {
  return path.map((part) => (typeof part === "number" ? part : String(part)))
}

function say(value: unknown): string {
  return typeof value === "string" ? `\`${value}\`` : "absent"
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
