import {
  type ConfigurationIssue,
  isPluginKind,
  type JsonSchema,
  type KeystoreManifest,
  type PluginManifest,
  pluginKinds,
} from "@apeiro-cmk/plugin-interface"
import { isSecret, schemaFaults, topLevelProperties } from "../configuration/configuration-schema.ts"
import { pluginError } from "../errors/error-facts.ts"

/** Fields of the activation answer that the host itself sets. */
const hostFacts = ["status", "plugin_status", "l1_key_location", "key_operations_ready"]

/**
 * Checks a manifest against the rules that types cannot express.
 * @throws {PluginError} INTERNAL - with every fault in `issues`
 */
export function requireSoundManifest(manifest: PluginManifest): void {
  const faults = new Faults()
  if (!isPlainData(manifest)) faults.add([], "must be plain data: text, numbers, booleans, lists and objects")
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(manifest.name))
    faults.add(["name"], "must be lower-case letters, digits and dashes")
  for (const field of ["displayName", "description"] as const) {
    if (manifest[field].trim() === "") faults.add([field], "must not be empty")
  }
  if (!isPluginKind(manifest.kind)) faults.add(["kind"], `must be one of ${Object.keys(pluginKinds).join(", ")}`)
  else {
    const { contract, capabilities } = pluginKinds[manifest.kind]
    if (manifest.contract !== contract) faults.add(["contract"], `must be ${contract}`)
    checkCapabilities(manifest, capabilities, faults)
  }
  faults.addSchema("pluginConfigurationSchema", manifest.pluginConfigurationSchema)
  if (manifest.kind === "keystore") checkKeystoreManifest(manifest, faults)
  faults.throwIfAny(manifest.name)
}

function checkCapabilities(manifest: PluginManifest, capabilities: readonly string[], faults: Faults): void {
  const declared: readonly string[] = manifest.capabilities
  for (const [capability, reason] of Object.entries<string | undefined>(manifest.unsupported)) {
    if ((reason ?? "").trim() === "") faults.add(["unsupported", capability], "must give a reason")
  }
  for (const capability of capabilities) {
    if (declared.includes(capability) !== capability in manifest.unsupported) continue
    const message = `${capability} must be either a capability or listed under unsupported with a reason`
    faults.add(["capabilities"], message)
  }
}

function checkKeystoreManifest(manifest: KeystoreManifest, faults: Faults): void {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(manifest.pluginType)) {
    faults.add(["pluginType"], "must be lower-case letters, digits and underscores")
  }
  faults.addSchema("keystoreConfigurationSchema", manifest.keystoreConfigurationSchema)
  const fields = new Map(topLevelProperties(manifest.keystoreConfigurationSchema))
  for (const field of manifest.identityFields) {
    const schema = fields.get(field)
    if (schema === undefined) faults.add(["identityFields"], `${field} is not a field of the keystore configuration`)
    else if (isSecret(schema)) faults.add(["identityFields"], `${field} is a secret, which may change`)
  }
  const { operationsPerHourField: budget } = manifest
  if (budget !== undefined && fields.get(budget)?.type !== "integer") {
    faults.add(["operationsPerHourField"], `${budget} must be a field of whole numbers of the keystore configuration`)
  }
  for (const fact of Object.keys(manifest.activationFacts)) {
    if (hostFacts.includes(fact)) faults.add(["activationFacts", fact], "is a field that the host sets")
    if (!/^[a-z][a-z0-9_]*$/.test(fact)) faults.add(["activationFacts", fact], "must be in snake_case")
  }
}

class Faults {
  readonly #issues: ConfigurationIssue[] = []

  add(path: readonly string[], message: string): void {
    this.#issues.push({ path, message })
  }

  addSchema(field: string, schema: JsonSchema): void {
    for (const fault of schemaFaults(schema)) this.add([field], fault)
  }

  throwIfAny(name: string): void {
    if (this.#issues.length === 0) return
    const lines = this.#issues.map((issue) => `${issue.path.join(".") || "manifest"}: ${issue.message}`)
    throw pluginError("INTERNAL", `The manifest of ${name} is not sound. ${lines.join("; ")}.`, "Correct the plugin.", {
      issues: this.#issues,
    })
  }
}

function isPlainData(value: unknown): boolean {
  if (typeof value === "object" && value !== null) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return false
    return Object.values(value).every(isPlainData)
  }
  return value === null || ["string", "boolean"].includes(typeof value) || Number.isFinite(value)
}
