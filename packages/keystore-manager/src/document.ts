import type { ConfigurationIssue, JsonValue } from "@apeiro-cmk/plugin-interface"
import { boundedIssues, issuesText } from "@apeiro-cmk/plugin-sdk"
import { keystoreNotFound, managerError } from "./errors.ts"
import type { KeystorePluginCatalog, RunningKeystorePlugin } from "./ports.ts"

/** A keystore document, as the administrator of the story writes it. */
export interface KeystoreDocument {
  readonly plugin_type: string
  readonly plugin_name: string
  readonly configuration: JsonObject
}

/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue }

const keystoreIdPattern = /^[a-z0-9][a-z0-9_-]{0,62}$/
const maxDepth = 32
const members = ["plugin_type", "plugin_name", "configuration"]

/**
 * Reads a keystore document. The plugin checks the inside of its configuration.
 * @throws {KeystoreManagerError} CONFIGURATION_INVALID - with every issue
 */
export function readDocument(input: unknown): KeystoreDocument {
  if (!isPlainObject(input)) throw invalid([{ path: [], message: "must be a JSON object" }])
  const { plugin_type, plugin_name } = input
  const configuration = defined(input.configuration)
  const issues: ConfigurationIssue[] = []
  if (typeof plugin_type !== "string" || plugin_type === "")
    issues.push({ path: ["plugin_type"], message: textIssue(plugin_type) })
  if (typeof plugin_name !== "string") issues.push({ path: ["plugin_name"], message: textIssue(plugin_name) })
  else if (!isKeystoreId(plugin_name)) {
    const message =
      "must be 1 to 63 lower-case letters, digits, dashes and underscores, starting with a letter or digit"
    issues.push({ path: ["plugin_name"], message })
  }
  issues.push(...configurationIssues(configuration))
  for (const name of Object.keys(input).filter((each) => !members.includes(each))) {
    issues.push({ path: [name], message: "is not a known field", allowed: members })
  }
  if (
    issues.length > 0 ||
    typeof plugin_type !== "string" ||
    typeof plugin_name !== "string" ||
    !isJsonObject(configuration)
  ) {
    throw invalid(issues)
  }
  return { plugin_type, plugin_name, configuration }
}

/** Tells whether a text is a valid keystore id. */
function isKeystoreId(text: string): boolean {
  return keystoreIdPattern.test(text)
}

/**
 * Refuses a text that is not a valid keystore id: it names no keystore, and must not reach the audit log.
 * @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND
 */
export function requireKeystoreId(keystoreId: string): void {
  if (!isKeystoreId(keystoreId)) throw keystoreNotFound(keystoreId.slice(0, 63))
}

/** Reads the id that a document asks for, for the audit entry of a failure as well. */
export function nameIn(document: unknown): string {
  const name =
    typeof document === "object" && document !== null && "plugin_name" in document ? document.plugin_name : undefined
  return typeof name === "string" && isKeystoreId(name) ? name : "(unnamed)"
}

/** Reads a configuration as a JSON object. @throws {KeystoreManagerError} CONFIGURATION_INVALID */
export function readConfigurationObject(input: unknown): JsonObject {
  const configuration = defined(input)
  if (!isJsonObject(configuration)) throw invalid(configurationIssues(configuration))
  return configuration
}

/**
 * Looks up the running plugin of a type.
 * @throws {KeystoreManagerError} PLUGIN_TYPE_UNKNOWN - `issues` lists the known types
 */
export function pluginFor(catalog: KeystorePluginCatalog, pluginType: string): RunningKeystorePlugin {
  const plugin = catalog.keystorePlugin(pluginType)
  if (plugin !== undefined) return plugin
  const allowed = catalog.keystorePluginTypes()
  throw managerError("PLUGIN_TYPE_UNKNOWN", "No loaded plugin has this plugin_type.", {
    issues: [{ path: ["plugin_type"], message: `must be one of: ${allowed.join(", ")}`, allowed }],
  })
}

/** Makes a `CONFIGURATION_INVALID` error that lists the issues, at most 50 of them. */
export function invalid(issues: readonly ConfigurationIssue[]) {
  const message = `The configuration is not valid. ${issuesText(issues, "document")}.`
  return managerError("CONFIGURATION_INVALID", message, { issues: boundedIssues(issues) })
}

/** Tells whether a value is a JSON object throughout, of at most 32 levels. */
function isJsonObject(value: unknown, depth = maxDepth): value is JsonObject {
  return isPlainObject(value) && Object.values(value).every((each) => isJsonValue(each, depth - 1))
}

/** Drops fields whose value is undefined: they were not sent. */
function defined(value: unknown): unknown {
  if (!isPlainObject(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined))
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isJsonValue(value: unknown, depth: number): value is JsonValue {
  if (depth < 0) return false
  if (Array.isArray(value)) return value.every((each) => isJsonValue(each, depth - 1))
  if (typeof value === "number") return Number.isFinite(value)
  return value === null || typeof value === "string" || typeof value === "boolean" || isJsonObject(value, depth)
}

function configurationIssues(configuration: unknown): ConfigurationIssue[] {
  if (isJsonObject(configuration)) return []
  return [
    {
      path: ["configuration"],
      message: configuration === undefined ? "is missing" : `must be a JSON object of at most ${maxDepth} levels`,
    },
  ]
}

function textIssue(value: unknown): string {
  return value === undefined ? "is missing" : "must be text"
}
