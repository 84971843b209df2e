import type { CallOptions, EncryptionContext } from "@apeiro-cmk/plugin-interface"
import { encodeEncryptionContext } from "@apeiro-cmk/plugin-sdk"

/**
 * The encryption context in KMS's own form: policies can name its parts (`kms:EncryptionContext:tenant`), and CloudTrail
 * shows it. The names are fixed for ever.
 *
 * @throws {PluginError} INVALID_REQUEST - a part is empty or no well-formed text
 */
export function kmsContext(context: EncryptionContext): Record<"tenant" | "key" | "version", string> {
  encodeEncryptionContext(context)
  const { tenantId, keyId, keyVersion } = context
  return { tenant: tenantId, key: keyId, version: String(keyVersion) }
}

/** A context for what is thrown away: of the tenant, since policies let no other pass. */
export function throwAwayContext({ tenantId }: Pick<CallOptions, "tenantId">, purpose: string): EncryptionContext {
  return { tenantId, keyId: `apeiro-cmk/${purpose}`, keyVersion: 1 }
}
