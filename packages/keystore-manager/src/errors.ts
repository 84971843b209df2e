import {
  CodedError,
  type ConfigurationIssue,
  type ConnectionStep,
  type ErrorFacts,
  isCodedError,
  type PluginErrorCode,
} from "@apeiro-cmk/plugin-interface"
import type { PlatformStorageErrorCode } from "./platform/platform-records.ts"
import type { KeystoreStorageErrorCode } from "./ports.ts"

/**
 * Codes of {@link KeystoreManagerError}.
 *
 * - `KEYSTORE_NOT_FOUND` - the tenant has no keystore of that id.
 * - `KEYSTORE_EXISTS` - the tenant already has a keystore of that id.
 * - `KEYSTORE_NOT_ACTIVE` - only an active keystore wraps keys.
 * - `KEYSTORE_ACTIVE` - its L1 key is in use, so none can be imported in its place.
 * - `KEYSTORE_IN_USE` - it wraps a tenant key, so it cannot be removed.
 * - `PLUGIN_TYPE_UNKNOWN` - no loaded plugin has that `plugin_type`.
 * - `CONFIGURATION_INVALID` - `issues` lists each fault.
 * - `IDENTITY_FIELD_FIXED` - address, mount or key of an active keystore; `issues` lists each field.
 * - `REVISION_MISMATCH` - the keystore was changed meanwhile.
 * - `CONNECTION_TEST_FAILED` - `steps` lists the steps that ran.
 * - `L1_ALREADY_CLAIMED` - the L1 key serves another tenant; never says which.
 * - `CLAIM_NOT_FOUND` - there is no claim of that id.
 * - `CLAIM_NOT_CONTESTED` - the keystore that is to get the claim has it, or does not work with the claimed key.
 * - `CLAIM_HELD` - the holder's keystore has proved that it holds the claimed key.
 * - `CLAIM_UNPROVEN` - the holder's keystore does not answer, and still has time to.
 * - `OPERATION_BUDGET_TOO_SMALL` - renewing the tenant's lease on one host would take more than the half reserved for it.
 * - `ANOTHER_KEYSTORE_ACTIVE` - the tenant has another active keystore.
 */
export type KeystoreManagerErrorCode =
  | "KEYSTORE_NOT_FOUND"
  | "KEYSTORE_EXISTS"
  | "KEYSTORE_NOT_ACTIVE"
  | "KEYSTORE_ACTIVE"
  | "KEYSTORE_IN_USE"
  | "PLUGIN_TYPE_UNKNOWN"
  | "CONFIGURATION_INVALID"
  | "IDENTITY_FIELD_FIXED"
  | "REVISION_MISMATCH"
  | "CONNECTION_TEST_FAILED"
  | "L1_ALREADY_CLAIMED"
  | "CLAIM_NOT_FOUND"
  | "CLAIM_NOT_CONTESTED"
  | "CLAIM_HELD"
  | "CLAIM_UNPROVEN"
  | "OPERATION_BUDGET_TOO_SMALL"
  | "ANOTHER_KEYSTORE_ACTIVE"

type Details = {
  /** Each single fault of a configuration. */
  readonly issues?: readonly ConfigurationIssue[]
  /** Steps of a failed connection test, in order. */
  readonly steps?: readonly ConnectionStep[]
}

/** Thrown for what the keystore manager itself refuses. Errors of plugins and of the database pass through it. */
export class KeystoreManagerError extends CodedError<KeystoreManagerErrorCode> {
  declare readonly issues?: readonly ConfigurationIssue[]
  declare readonly steps?: readonly ConnectionStep[]

  constructor(code: KeystoreManagerErrorCode, message: string, facts: ErrorFacts & Details) {
    super(code, message, facts)
    if (facts.issues !== undefined) this.issues = facts.issues
    if (facts.steps !== undefined) this.steps = facts.steps
  }
}

const nextSteps: Readonly<Record<KeystoreManagerErrorCode, string>> = {
  KEYSTORE_NOT_FOUND: "List the tenant's keystores and use one of their ids.",
  KEYSTORE_EXISTS: "Choose another plugin_name, or change the keystore that has it.",
  KEYSTORE_NOT_ACTIVE: "Activate the keystore first.",
  OPERATION_BUDGET_TOO_SMALL: "Raise the keystore's operations per hour, or lengthen the tenant's lease.",
  KEYSTORE_ACTIVE: "Import before the activation; for a new L1 key, add another keystore.",
  KEYSTORE_IN_USE: "Keep the keystore: without it, the keys that it wraps can never be opened again.",
  PLUGIN_TYPE_UNKNOWN: "Use the plugin_type of a loaded plugin, or ask the operator to load it in the profile.",
  CONFIGURATION_INVALID: "Correct each listed field and send the whole configuration again.",
  IDENTITY_FIELD_FIXED: "Leave these fields unchanged, or add another keystore for the other key.",
  REVISION_MISMATCH: "Read the keystore again, and send the change with its current revision.",
  CONNECTION_TEST_FAILED: "Follow the next step of the failed step, then test again.",
  L1_ALREADY_CLAIMED: "Use an L1 key of your own: one key serves one tenant.",
  CLAIM_NOT_FOUND: "List the claims: a claim that was released or claimed again has another id.",
  CLAIM_NOT_CONTESTED: "Name the claimant's keystore for the claimed key, and test its connection.",
  CLAIM_HELD: "Leave the claim: at the keystore, the key's owner must end the holder's access first.",
  CLAIM_UNPROVEN: "Ask the holder to make the keystore work, and try again.",
  ANOTHER_KEYSTORE_ACTIVE: "Keep using the active keystore: a tenant has one.",
}

/** Makes the error of a code: of origin `caller` and not retryable, unless `extra` says otherwise. */
export function managerError(
  code: KeystoreManagerErrorCode,
  message: string,
  extra: Partial<ErrorFacts> & Details = {},
): KeystoreManagerError {
  return new KeystoreManagerError(code, message, {
    origin: "caller",
    retryable: false,
    nextStep: nextSteps[code],
    ...extra,
  })
}

/** Codes of other packages that this one decides on. */
type KnownCode = KeystoreManagerErrorCode | KeystoreStorageErrorCode | PlatformStorageErrorCode | PluginErrorCode

/** Tells whether an error of any package has this code. */
export function hasCode(error: unknown, code: KnownCode): boolean {
  return isCodedError(error) && error.code === code
}

/** Translates a refusal of the keystore repository; anything else passes unchanged. */
export function fromStorage(error: unknown, keystoreId: string): unknown {
  const cause = { cause: error }
  if (hasCode(error, "ALREADY_EXISTS")) {
    return managerError("KEYSTORE_EXISTS", `The tenant already has a keystore "${keystoreId}".`, cause)
  }
  if (hasCode(error, "NOT_FOUND")) return keystoreNotFound(keystoreId)
  if (hasCode(error, "STALE_REVISION")) {
    return managerError("REVISION_MISMATCH", `The keystore "${keystoreId}" was changed meanwhile.`, cause)
  }
  if (hasCode(error, "STILL_IN_USE")) {
    return managerError("KEYSTORE_IN_USE", `The keystore "${keystoreId}" wraps a key of the tenant.`, cause)
  }
  // Without the cause: it is the one error that involves another tenant.
  if (hasCode(error, "L1_CLAIMED")) return alreadyClaimed()
  if (hasCode(error, "ANOTHER_KEYSTORE_ACTIVE")) return anotherActive()
  return error
}

/** Makes the error for a keystore that the tenant does not have. */
export function keystoreNotFound(keystoreId: string): KeystoreManagerError {
  return managerError("KEYSTORE_NOT_FOUND", `The tenant has no keystore "${keystoreId}".`)
}

/** Makes the error for an L1 key that serves another tenant. It never says which. */
export function alreadyClaimed(): KeystoreManagerError {
  return managerError("L1_ALREADY_CLAIMED", "This L1 key is already in use.")
}

/** Makes the error for a second active keystore. */
export function anotherActive(): KeystoreManagerError {
  return managerError("ANOTHER_KEYSTORE_ACTIVE", "The tenant has another active keystore.")
}
