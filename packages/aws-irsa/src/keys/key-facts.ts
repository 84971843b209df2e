import type { KeyDescription, KeyState } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { KeyMetadata } from "@aws-sdk/client-kms"
import { keyIdentity } from "../arns.ts"

const states: Readonly<Record<string, KeyState>> = {
  Enabled: "ENABLED",
  Disabled: "DISABLED",
  PendingDeletion: "PENDING_DELETION",
  PendingReplicaDeletion: "PENDING_DELETION",
  PendingImport: "PENDING_IMPORT",
}

/** Version of a key for which KMS states none. */
export const unnamedVersion = "1"

/**
 * Translates the metadata of a key. A key never leaves KMS, so `exportable` is always false.
 *
 * @param keyId - the key as the request named it
 * @throws {PluginError} BAD_RESPONSE - the answer does not describe a key
 */
export function descriptionOf(keyId: string, metadata: KeyMetadata | undefined): KeyDescription {
  const { Arn: arn, KeyState: state = "", KeySpec: spec, CurrentKeyMaterialId: material } = metadata ?? {}
  if (metadata === undefined || arn === undefined) {
    throw pluginError("BAD_RESPONSE", "The answer of AWS KMS does not describe a key.", "Check the endpoint of KMS.")
  }
  return {
    key: { keyId },
    identity: keyIdentity(arn),
    state: states[state] ?? "UNKNOWN",
    algorithm: spec ?? "unknown",
    exportable: false,
    latestVersion: material ?? unnamedVersion,
    ...(metadata.CreationDate === undefined ? {} : { latestVersionCreatedAtMs: metadata.CreationDate.getTime() }),
    warnings: warningsAbout(metadata),
  }
}

function warningsAbout(metadata: KeyMetadata): readonly string[] {
  const refusal = unsuitable(metadata)
  const { Origin: origin, ValidTo: validTo, KeyManager: manager, MultiRegion: isMultiRegion } = metadata
  return [
    ...(refusal === undefined ? [] : [refusal.message]),
    ...(manager === "AWS" ? ["AWS manages the key: its policy cannot be changed."] : []),
    ...(origin === "EXTERNAL" ? ["The material was imported: its creator may have a copy."] : []),
    ...(origin === "EXTERNAL_KEY_STORE"
      ? ["The key is in an external key store, on which its availability depends."]
      : []),
    ...(validTo === undefined ? [] : [`The imported material expires on ${validTo.toISOString()}.`]),
    ...(isMultiRegion === true
      ? ["The key is a multi-Region key: its replicas in other regions open the same wraps."]
      : []),
  ]
}

/** Returns the reason why a key must not be used as an L1 key; `undefined` when it may be used. */
export function unsuitable({ KeyUsage: usage, KeySpec: spec }: KeyMetadata) {
  if (usage === "ENCRYPT_DECRYPT" && (spec === undefined || spec === "SYMMETRIC_DEFAULT")) return undefined
  return pluginError(
    "KEY_UNSUITABLE",
    `The key has usage ${usage ?? "unknown"} and spec ${spec ?? "unknown"}.`,
    "Use a symmetric key (SYMMETRIC_DEFAULT) whose usage is ENCRYPT_DECRYPT.",
  )
}
