import type { CallOptions, EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"

/**
 * Returns the encryption context in the form of KMS: policies can refer to its parts (`kms:EncryptionContext:tenant`),
 * and CloudTrail shows it. The names never change.
 *
 * @throws {PluginError} INVALID_REQUEST - a part is empty or not well-formed text
 */
export function kmsContext(context: EncryptionContext): Record<"tenant" | "key" | "version", string> {
  encodeEncryptionContext(context)
  const { tenantId, keyId, keyVersion } = context
  return { tenant: tenantId, key: keyId, version: String(keyVersion) }
}

/** Makes a context for throw-away data. It carries the tenant, because policies allow no other tenant. */
export function throwAwayContext({ tenantId }: Pick<CallOptions, "tenantId">, purpose: string): EncryptionContext {
  return { tenantId, keyId: `apeiro-cmk/${purpose}`, keyVersion: 1 }
}
