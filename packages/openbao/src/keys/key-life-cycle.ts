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

/** Creation, rotation and deletion of keys. Key names must be checked first. */
export interface KeyLifeCycle {
  /** Creates a key. Idempotent. @throws {PluginError} KEY_UNSUITABLE - the key of this name cannot be an L1 key */
  createKey(request: CreateKeyRequest, call: CallOptions): Promise<KeyDescription>
  /** Rotates a key. @throws {PluginError} UNSUPPORTED - its material was imported */
  rotateKey(keyId: string, call: CallOptions): Promise<KeyDescription>
  /** Deletes a key at once. Idempotent: a missing key counts as deleted. */
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
   * Creates nothing, because OpenBao has no keys without material. `PENDING_IMPORT` means that the name is free, and
   * that the mount has a wrapping key.
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
      // Another call deleted it first.
      if (hasCode(error, "KEY_NOT_FOUND")) return
      // A key that remains must not remain deletable. If even this fails, the caller must still see the denial.
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
