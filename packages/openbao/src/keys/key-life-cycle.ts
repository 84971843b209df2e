import {
  type CallOptions,
  type CreateKeyRequest,
  isPluginError,
  type KeyDescription,
  type PluginErrorCode,
} from "@apeiro-cmk/plugin-interface"
import type { TransitAdministration } from "./key-administration.ts"
import {
  describeKnownKey,
  describeTransitKey,
  type KeyPlace,
  keyIdentity,
  readOrProve,
  unsuitable,
} from "./key-facts.ts"
import { requireImported } from "./key-import.ts"

/** The life of a key beside its use. Key names were checked before. */
export interface KeyLifeCycle {
  /** Idempotent. @throws {PluginError} KEY_UNSUITABLE - there is a key of this name that is no L1 key */
  createKey(request: CreateKeyRequest, call: CallOptions): Promise<KeyDescription>
  rotateKey(keyId: string, call: CallOptions): Promise<KeyDescription>
  /** Idempotent: a key that is gone is deleted. */
  deleteKey(keyId: string, call: CallOptions): Promise<void>
}

/** Makes the {@link KeyLifeCycle} of the keys in one place. */
export function createKeyLifeCycle(place: KeyPlace, administration: TransitAdministration): KeyLifeCycle {
  const { transit } = place

  async function createKey({ keyId, origin }: CreateKeyRequest, call: CallOptions): Promise<KeyDescription> {
    if (origin === "import") return awaitImport(keyId, call)
    await administration.create(keyId, call)
    const key = await readOrProve(transit, keyId, call)
    const refusal = key === undefined ? undefined : unsuitable(key)
    if (refusal !== undefined) throw refusal
    return describeKnownKey(place, keyId, key, call)
  }

  /**
   * OpenBao has no key without material, so nothing is made: that the name is free, and that the mount has a key to
   * wrap material for, is what `PENDING_IMPORT` says.
   */
  async function awaitImport(keyId: string, call: CallOptions): Promise<KeyDescription> {
    const key = await transit.findKey(keyId, call)
    if (key !== undefined) {
      requireImported(key)
      return describeKnownKey(place, keyId, key, call)
    }
    await administration.wrappingKey(call)
    return {
      key: { keyId },
      identity: await keyIdentity(place, keyId, call),
      state: "PENDING_IMPORT",
      algorithm: "unknown",
      exportable: "unknown",
      latestVersion: "unknown",
      warnings: ["OpenBao has no key of this name until its material is imported."],
    }
  }

  async function rotateKey(keyId: string, call: CallOptions): Promise<KeyDescription> {
    await administration.rotate(keyId, call)
    return describeTransitKey(place, keyId, call)
  }

  async function deleteKey(keyId: string, call: CallOptions): Promise<void> {
    const key = await transit.findKey(keyId, call)
    if (key === undefined) return
    try {
      if (!key.deletionAllowed) await administration.setDeletionAllowed(keyId, true, call)
      await administration.delete(keyId, call)
    } catch (error) {
      // Somebody else was faster.
      if (hasCode(error, "KEY_NOT_FOUND")) return
      // A key that stays must not stay deletable. Where even this fails, the denial is what the caller must hear.
      if (hasCode(error, "DENIED") && !key.deletionAllowed) {
        await administration.setDeletionAllowed(keyId, false, call).catch(() => undefined)
      }
      throw error
    }
  }

  return { createKey, rotateKey, deleteKey }
}

function hasCode(error: unknown, code: PluginErrorCode): boolean {
  return isPluginError(error) && error.code === code
}
