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

/** Version of a key about which KMS says nothing. */
export const unnamedVersion = "1"

/**
 * What KMS says about a key, in words of the interface. A key never leaves KMS: `exportable` is false by nature.
 *
 * @param keyId - as it was asked for
 * @throws {PluginError} BAD_RESPONSE - the answer describes no key
 */
export function descriptionOf(keyId: string, metadata: KeyMetadata | undefined): KeyDescription {
  const { Arn: arn, KeyState: state = "", KeySpec: spec, CurrentKeyMaterialId: material } = metadata ?? {}
  if (metadata === undefined || arn === undefined) {
    throw pluginError("BAD_RESPONSE", "AWS KMS described no key.", "Check the endpoint of KMS.")
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
    ...(manager === "AWS" ? ["The key is managed by AWS: its policy cannot be changed."] : []),
    ...(origin === "EXTERNAL" ? ["The material was imported: whoever made it may have a copy."] : []),
    ...(origin === "EXTERNAL_KEY_STORE"
      ? ["The key lies in an external key store, on which its availability depends."]
      : []),
    ...(validTo === undefined ? [] : [`The imported material expires on ${validTo.toISOString()}.`]),
    ...(isMultiRegion === true
      ? ["The key is a multi-Region key: its replicas in other regions open the same wraps."]
      : []),
  ]
}

/** Says why a key must not be used as an L1 key; `undefined` when it may. */
export function unsuitable({ KeyUsage: usage, KeySpec: spec }: KeyMetadata) {
  if (usage === "ENCRYPT_DECRYPT" && (spec === undefined || spec === "SYMMETRIC_DEFAULT")) return undefined
  return pluginError(
    "KEY_UNSUITABLE",
    `The key is of usage ${usage ?? "unknown"} and spec ${spec ?? "unknown"}.`,
    "Use a symmetric key (SYMMETRIC_DEFAULT) whose usage is ENCRYPT_DECRYPT.",
  )
}
