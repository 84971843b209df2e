import { isDeepStrictEqual } from "node:util"
import { type CredentialReference, maximumSecretLength, type SealedCredential } from "@apeiro-cmk/credential-store"
import type {
  ConfigurationIssue,
  ConfigurationResult,
  KeystoreConfigurationInput,
  SecretHandle,
} from "@apeiro-cmk/plugin-interface"
import { secretFields, secretFromBytes } from "@apeiro-cmk/plugin-sdk"
import { addressFields } from "./address-fields.ts"
import { invalid, type JsonObject } from "./document.ts"
import { managerError } from "./errors.ts"
import type { CredentialPort, RunningKeystorePlugin } from "./ports.ts"
import type { CredentialField, KeystoreRecord } from "./records.ts"
import { asCodedError } from "./undeclared-error.ts"

/** A configuration that its plugin accepts, split into its plain fields and its secrets. */
export interface CheckedConfiguration {
  /** Configuration to store: as entered, without secrets. */
  readonly configuration: JsonObject
  /** Configuration for the plugin: secrets as handles. */
  readonly input: KeystoreConfigurationInput
  /** Secrets that this configuration brings. */
  readonly entered: readonly { readonly name: string; readonly secret: Uint8Array }[]
  /** Stored secrets that stay in force. */
  readonly kept: readonly CredentialField[]
}

/**
 * Checks a configuration with its plugin's own parser, and moves the secrets out of it.
 *
 * A secret is entered as text. Left out, or as it reads back (`{"set": true, "version": n}`), it keeps its stored version;
 * `null` removes it.
 *
 * @param stored - the stored keystore, where there is one
 * @throws {KeystoreManagerError} CONFIGURATION_INVALID - with every issue
 */
export function checkConfiguration(
  plugin: RunningKeystorePlugin,
  credentials: CredentialPort,
  entered: JsonObject,
  stored?: KeystoreRecord,
): CheckedConfiguration {
  const { manifest } = plugin.definition
  const issues: ConfigurationIssue[] = []
  const plain = new Map(Object.entries(entered))
  const secrets: { name: string; secret: Uint8Array }[] = []
  const kept: CredentialField[] = []
  const handles = new Map<string, SecretHandle>()

  for (const name of secretFields(manifest.keystoreConfigurationSchema)) {
    const value = plain.get(name)
    plain.delete(name)
    const field = stored?.credentials.find((each) => each.name === name)
    if (typeof value === "string" && value !== "") {
      const secret = new TextEncoder().encode(value)
      if (secret.length > maximumSecretLength) {
        issues.push({ path: ["configuration", name], message: `must be at most ${maximumSecretLength} bytes` })
      }
      secrets.push({ name, secret })
      handles.set(name, secretFromBytes(secret, "entered"))
    } else if (stored !== undefined && field !== undefined && keeps(value, field)) {
      kept.push(field)
      handles.set(name, credentials.handle(referenceOf(stored, field)))
    } else if (value !== undefined && value !== null) {
      issues.push({ path: ["configuration", name], message: secretIssue(value, field) })
    }
  }
  const configuration = Object.fromEntries(plain)
  if (kept.length > 0 && stored !== undefined) {
    const before = inputOf(stored, credentials)
    for (const name of differingFields(
      plugin,
      addressFields(manifest),
      before,
      Object.fromEntries([...plain, ...handles]),
    )) {
      const again = kept.map((field) => field.name).join(", ")
      issues.push({ path: ["configuration", name], message: `is another address: enter ${again} again` })
    }
  }
  const input = Object.fromEntries([...plain, ...handles])
  const parsed = parse(plugin, input)
  if (!parsed.ok) {
    const known = new Set(issues.map(({ path }) => path.join(".")))
    const more = parsed.issues.map((issue) => ({ ...issue, path: ["configuration", ...issue.path] }))
    issues.push(...more.filter(({ path }) => !known.has(path.join("."))))
  }
  if (issues.length > 0) throw invalid(issues)
  return { configuration, input, entered: secrets, kept }
}

/**
 * Refuses a change of the fields that identify the key, since its wraps would no longer open.
 * @throws {KeystoreManagerError} IDENTITY_FIELD_FIXED - with every such field
 */
export function requireSameIdentity(
  plugin: RunningKeystorePlugin,
  credentials: CredentialPort,
  stored: KeystoreRecord,
  next: CheckedConfiguration,
): void {
  const changed = differingIdentityFields(plugin, inputOf(stored, credentials), next.input)
  if (changed.length === 0) return
  throw managerError("IDENTITY_FIELD_FIXED", `Fixed while the keystore is active: ${changed.join(", ")}.`, {
    issues: changed.map((name) => ({
      path: ["configuration", name],
      message: "cannot be changed while the keystore is active",
    })),
  })
}

/**
 * Lists the identity fields that two configurations of a plugin do not share, by what they mean: writing out a default, or
 * spelling the same address differently, changes nothing.
 *
 * @param before - one that does not parse, e.g. because it lacks its secrets, counts as it is written
 */
export function differingIdentityFields(
  plugin: RunningKeystorePlugin,
  before: KeystoreConfigurationInput,
  after: KeystoreConfigurationInput,
): readonly string[] {
  return differingFields(plugin, plugin.definition.manifest.identityFields, before, after)
}

/** Makes the configuration for the plugin of a stored keystore: secrets as handles. */
export function inputOf(record: KeystoreRecord, credentials: CredentialPort): KeystoreConfigurationInput {
  const handles = record.credentials.map(
    (field) => [field.name, credentials.handle(referenceOf(record, field))] as const,
  )
  return Object.fromEntries([...Object.entries<unknown>(record.configuration), ...handles])
}

/**
 * Makes the configuration for the plugin of a document that may still lack its secrets: those that were entered as
 * handles, and without the others.
 */
export function withoutSecretText(plugin: RunningKeystorePlugin, entered: JsonObject): KeystoreConfigurationInput {
  const secrets = secretFields(plugin.definition.manifest.keystoreConfigurationSchema)
  const handleOf = (text: string) => secretFromBytes(new TextEncoder().encode(text), "entered")
  return Object.fromEntries(
    Object.entries(entered).flatMap(([name, value]): [string, unknown][] => {
      if (!secrets.includes(name)) return [[name, value]]
      return typeof value === "string" && value !== "" ? [[name, handleOf(value)]] : []
    }),
  )
}

/** Seals the secrets that were entered, and fills their copies in memory with zeros. @param version - of each of them */
export function sealEntered(
  { entered }: CheckedConfiguration,
  credentials: CredentialPort,
  keystore: Pick<KeystoreRecord, "tenantId" | "keystoreId">,
  version: number,
): readonly SealedCredential[] {
  return entered.map(({ name, secret }) => {
    const { tenantId, keystoreId } = keystore
    const sealed = credentials.seal({ tenantId, keystoreId, name, version }, secret)
    secret.fill(0)
    return sealed
  })
}

function parse({ definition }: RunningKeystorePlugin, input: KeystoreConfigurationInput): ConfigurationResult<unknown> {
  try {
    return definition.configuration.keystore.parse(input)
  } catch (error) {
    throw asCodedError(error)
  }
}

function referenceOf(
  { tenantId, keystoreId }: KeystoreRecord,
  { name, version }: CredentialField,
): CredentialReference {
  return { tenantId, keystoreId, name, version }
}

function keeps(value: unknown, field: CredentialField): boolean {
  if (value === undefined) return true
  if (typeof value !== "object" || value === null || !("set" in value) || value.set !== true) return false
  return !("version" in value) || value.version === field.version
}

function secretIssue(value: unknown, field: CredentialField | undefined): string {
  if (typeof value === "string") return "must not be empty"
  if (typeof value !== "object" || value === null || !("set" in value))
    return 'must be text, or {"set": true} to keep it'
  return field === undefined
    ? "is not stored yet: enter it"
    : `is stored in version ${field.version}: send that or a new one`
}

function differingFields(
  plugin: RunningKeystorePlugin,
  names: readonly string[],
  before: KeystoreConfigurationInput,
  after: KeystoreConfigurationInput,
): readonly string[] {
  const meaningOf = (input: KeystoreConfigurationInput): unknown => {
    const result = parse(plugin, input)
    return result.ok ? result.value : input
  }
  const [left, right] = [meaningOf(before), meaningOf(after)]
  return names.filter((name) => {
    // A parser may return a field under another name: then only the entered text can be compared.
    const isKept = hasMember(left, name) || hasMember(right, name)
    const [one, other] = isKept ? [left, right] : [before, after]
    return !isDeepStrictEqual(memberOf(one, name), memberOf(other, name))
  })
}

function hasMember(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined
}
