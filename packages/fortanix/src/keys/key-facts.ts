import type { CallOptions, KeyDescription, KeyState, PluginError } from "@apeiro-cmk/plugin-interface"
import { dsmError } from "../errors.ts"
import type { DsmKey } from "./key-object.ts"

const wantedBits = 256

/** @throws {PluginError} KEY_UNSUITABLE - the key must not be used as an L1 key; KEY_NOT_FOUND - it was destroyed */
export function requireSuitable(key: DsmKey): void {
  if (key.state === "Destroyed" || key.state === "Deleted") throw dsmError("keyDestroyed")
  if (key.type !== "AES" || key.bits !== wantedBits) throw dsmError("wrongType")
  if (key.operations.includes("EXPORT")) throw dsmError("exportable")
  if (!key.operations.includes("ENCRYPT") || !key.operations.includes("DECRYPT")) throw dsmError("operationsMissing")
}

/** Returns the error that a key's state causes; `undefined` when it permits use. A deactivated key only decrypts. */
export function stateError({ enabled, state }: DsmKey): PluginError | undefined {
  if (state === "Destroyed" || state === "Deleted") return dsmError("keyDestroyed")
  if (!enabled) return dsmError("keyDisabled")
  if (state === "PreActive") return dsmError("keyPreActive")
  if (state === "Deactivated") return dsmError("keyDeactivated")
  if (state === "Compromised") return dsmError("keyCompromised")
  return undefined
}

/** Tells whether a key's state permits decrypting and nothing else. */
export function onlyDecrypts({ enabled, state }: DsmKey): boolean {
  return enabled && (state === "Deactivated" || state === "Compromised")
}

/** Returns the state of a key as the interface names it. */
export function keyState(key: DsmKey): KeyState {
  if (key.state === "Active" || key.state === "None") return key.enabled ? "ENABLED" : "DISABLED"
  return "DISABLED"
}

/** Returns the status of one version of a key. */
export function versionStatus(key: DsmKey | undefined, isNewest: boolean): "ENABLED" | "DECRYPT_ONLY" | "DISABLED" {
  if (key === undefined || !key.enabled) return "DISABLED"
  if (key.state === "Active" || key.state === "None") return isNewest ? "ENABLED" : "DECRYPT_ONLY"
  return onlyDecrypts(key) ? "DECRYPT_ONLY" : "DISABLED"
}

/** Returns warnings about a key for its administrator; none of them forbids its use. */
export function keyWarnings(key: DsmKey): readonly string[] {
  const warnings: string[] = []
  if (!key.neverExportable) warnings.push("The key was exportable once (never_exportable is false): copies may exist.")
  if (key.isImported) warnings.push("The key's material was imported: its creator may have a copy.")
  const unneeded = ["DERIVEKEY", "WRAPKEY", "UNWRAPKEY"].filter((operation) => key.operations.includes(operation))
  if (unneeded.length > 0) {
    warnings.push(
      `The platform does not need the key's operations ${unneeded.join(", ")}: tenant keys are wrapped, not derived.`,
    )
  }
  return warnings
}

/**
 * Describes a key. Its identity is the account with the id of its oldest version, so that neither a rotation nor another
 * name or endpoint makes it a second key.
 */
export function describe(keyId: string, newest: DsmKey, oldestKid: string): KeyDescription {
  const state = stateError(newest)
  return {
    key: { keyId },
    identity: `${newest.accountId}/${oldestKid}`,
    state: keyState(newest),
    algorithm: `${newest.type}-${newest.bits ?? "?"}`,
    exportable: newest.operations.includes("EXPORT"),
    latestVersion: newest.kid,
    latestVersionCreatedAtMs: newest.createdAtMs,
    warnings: [...(state === undefined ? [] : [state.message]), ...keyWarnings(newest)],
  }
}

/** Returns a context that no tenant key can have, since the ids of tenant keys are UUIDs. */
export function throwAwayContext({ tenantId }: Pick<CallOptions, "tenantId">, keyId: string) {
  return { tenantId, keyId, keyVersion: 1 }
}
