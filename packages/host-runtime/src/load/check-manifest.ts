import { type PluginKind, type PluginManifest, pluginKindNames } from "@apeiro-cmk/plugin-interface"
import { shownName, shownText } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import type { HostRuntimeError } from "../errors.ts"
import { hostKinds } from "../kinds/table.ts"
import type { PluginEntry } from "../profile/profile.ts"
import { showPath } from "../profile/profile-text.ts"
import { pluginFailure } from "./load-failures.ts"
import type { PluginPackage } from "./locate-package.ts"
import { commonManifestMembers } from "./manifest-members.ts"

/**
 * Checks, before any of a package's code runs, that the host serves the declared contract and that the profile names the
 * declared kind.
 * @throws {HostRuntimeError} PLUGIN_CONTRACT_UNSUPPORTED, PLUGIN_MANIFEST_MISMATCH
 */
export function checkDeclaration(entry: PluginEntry, { declared }: PluginPackage): void {
  const served = pluginKindNames.flatMap(servedContracts)
  if (!served.includes(declared.contract)) {
    throw pluginFailure(
      entry,
      "PLUGIN_CONTRACT_UNSUPPORTED",
      `is made for the contract ${declared.contract}; this host serves ${served.join(", ")}`,
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
 * Checks that an exported manifest is sound plain data, of the kind that the profile names, and equal to package.json.
 * @throws {HostRuntimeError} PLUGIN_MANIFEST_MISMATCH
 */
export function checkManifest(entry: PluginEntry, { declared }: PluginPackage, exported: unknown): void {
  const faults = isCloneable(exported) ? soundnessFaults(entry.kind, exported) : ["it is not plain data"]
  for (const fact of ["kind", "name", "contract"] as const) {
    const said = memberOf(exported, fact)
    if (said === declared[fact]) continue
    faults.push(`${fact} is ${show(said)} in the manifest and ${show(declared[fact])} in package.json`)
  }
  if (faults.length === 0) faults.push(...contractFaults(entry.kind, exported))
  const nextStep = "Ask its author to make the manifest complete and equal to the `openkcm` block of package.json."
  if (faults.length > 0) throw unreliable(entry, faults, nextStep)
}

/**
 * Returns the manifest of an executable once it is found sound and of the kind that the profile names.
 * @throws {HostRuntimeError} PLUGIN_MANIFEST_MISMATCH
 */
export function soundManifest<Kind extends PluginKind>(entry: PluginEntry<Kind>, said: unknown): PluginManifest<Kind> {
  if (isManifestOf(said, entry.kind)) return said
  const faults = soundnessFaults(entry.kind, said)
  const kind = memberOf(said, "kind")
  if (kind !== entry.kind) faults.push(`kind is ${show(kind)} in the manifest and ${show(entry.kind)} in the profile`)
  if (faults.length === 0) faults.push(...contractFaults(entry.kind, said))
  throw unreliable(entry, faults, "Ask the executable's author for a release whose manifest is complete.")
}

/** Tells whether a value is a manifest of a kind. It may have members and capabilities that this host does not know. */
export function isManifestOf<Kind extends PluginKind>(value: unknown, kind: Kind): value is PluginManifest<Kind> {
  return (
    soundnessFaults(kind, value).length === 0 &&
    memberOf(value, "kind") === kind &&
    contractFaults(kind, value).length === 0
  )
}

function unreliable(entry: PluginEntry, faults: readonly string[], nextStep: string): HostRuntimeError {
  const what = `has a manifest that cannot be relied on: ${shownText(faults.join("; "))}`
  return pluginFailure(entry, "PLUGIN_MANIFEST_MISMATCH", what, nextStep)
}

function servedContracts(kind: PluginKind): readonly string[] {
  return hostKinds[kind].versions.map((version) => `${kind}/v${version}`)
}

function contractFaults(kind: PluginKind, manifest: unknown): string[] {
  const contract = memberOf(manifest, "contract")
  const isServed = servedContracts(kind).some((served) => served === contract)
  return isServed ? [] : [`its contract ${show(contract)} is not one of its kind ${kind}`]
}

function soundnessFaults(kind: PluginKind, manifest: unknown): string[] {
  const schema = z.looseObject({ ...commonManifestMembers, ...hostKinds[kind].manifestMembers })
  const issues = schema.safeParse(manifest).error?.issues ?? []
  return issues.map((issue) => `${showPath(plainPath(issue.path))}: ${issue.message}`)
}

function plainPath(path: readonly PropertyKey[]): (string | number)[] {
  return path.map((part) => (typeof part === "number" ? part : String(part)))
}

function memberOf(value: unknown, name: "kind" | "name" | "contract"): unknown {
  return typeof value === "object" && value !== null && name in value ? Reflect.get(value, name) : undefined
}

function show(value: unknown): string {
  return typeof value === "string" ? `\`${shownName(value)}\`` : "absent"
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
