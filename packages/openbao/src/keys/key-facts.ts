import type { OpenBaoClient } from "@apeiro-cmk/openbao-client"
import { sealedError } from "@apeiro-cmk/openbao-client"
import {
  type CallOptions,
  type EncryptionContext,
  isPluginError,
  type KeyDescription,
  type PluginError,
} from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import type { TransitKey, TransitPort } from "../client.ts"

/** Types whose encryption binds associated data. */
const aeadTypes = ["aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305", "aes128-gcm96"]

/** Returns the reason why a key must not be used as an L1 key; `undefined` when it may be used. */
export function unsuitable(key: TransitKey): PluginError | undefined {
  const refuse = (message: string, nextStep: string) => pluginError("KEY_UNSUITABLE", message, nextStep)
  const another = "Create another key, of type aes256-gcm96 and not exportable; an existing key cannot be changed."
  if (!aeadTypes.includes(key.type)) return refuse("The key's type cannot bind a wrap to its context.", another)
  if (key.convergent) return refuse("The key is convergent: equal plaintexts give equal ciphertexts.", another)
  if (key.derived) return refuse("The key is a derived key.", another)
  if (key.exportable) return refuse("The key is exportable: it could leave OpenBao.", another)
  if (key.allowsPlaintextBackup) return refuse("The key allows plaintext backups: it could leave OpenBao.", another)
  return undefined
}

/** Lists what makes a key less safe than it could be, without forbidding its use. */
export function keyDangers(key: TransitKey): readonly string[] {
  const warnings: string[] = []
  if (key.deletionAllowed) warnings.push("The key may be deleted (deletion_allowed): a deletion cannot be undone.")
  if (key.type === "aes128-gcm96") warnings.push("The key has 128 bits, but the keys that it wraps have 256.")
  if (key.softDeleted) warnings.push("The key is soft-deleted, and refuses every operation until it is restored.")
  return warnings
}

/** Lists facts about the key's versions and rotation that an administrator should know. */
export function keyNotes(key: TransitKey): readonly string[] {
  const notes: string[] = []
  if (key.minDecryptionVersion > 1) {
    notes.push(`Versions below ${key.minDecryptionVersion} no longer decrypt (min_decryption_version).`)
  }
  if (key.minEncryptionVersion > 1) {
    notes.push(`Versions below ${key.minEncryptionVersion} no longer encrypt (min_encryption_version).`)
  }
  if (key.autoRotatePeriodSeconds > 0) {
    notes.push(`OpenBao rotates the key automatically every ${key.autoRotatePeriodSeconds} s (auto_rotate_period).`)
  }
  if (key.imported) notes.push("The material was imported, so OpenBao does not rotate it.")
  return notes
}

/** Lists why the key must not be used, and everything else to know about it. */
function keyWarnings(key: TransitKey): readonly string[] {
  const refusal = unsuitable(key)
  return [...(refusal === undefined ? [] : [refusal.message]), ...keyDangers(key), ...keyNotes(key)]
}

/** Returns the status of one version of a key. OpenBao does not list versions below min_decryption_version. */
export function versionStatus(version: number, key: TransitKey): "ENABLED" | "DECRYPT_ONLY" | "DISABLED" {
  if (key.softDeleted || version < key.minDecryptionVersion) return "DISABLED"
  return version < key.minEncryptionVersion ? "DECRYPT_ONLY" : "ENABLED"
}

/** The transit engine that holds the keys of a keystore. */
export interface KeyPlace {
  readonly client: OpenBaoClient
  readonly transit: TransitPort
  readonly namespace?: string
  readonly mountPath: string
}

/**
 * Describes a key. If the policy does not allow reading the key, its type and exportability stay unknown, and a decrypt
 * that must fail proves that the key exists and decrypts.
 */
export async function describeTransitKey(place: KeyPlace, keyId: string, call: CallOptions): Promise<KeyDescription> {
  return describeKnownKey(place, keyId, await readOrProve(place.transit, keyId, call), call)
}

/** Describes a key that was just read. @param key - `undefined` when the policy does not allow reading it */
export async function describeKnownKey(
  place: KeyPlace,
  keyId: string,
  key: TransitKey | undefined,
  call: CallOptions,
): Promise<KeyDescription> {
  const identity = await keyIdentity(place, keyId, call)
  if (key === undefined) {
    return {
      key: { keyId },
      identity,
      state: "ENABLED",
      algorithm: "unknown",
      exportable: "unknown",
      latestVersion: "unknown",
      warnings: ["The policy does not allow reading the key, so its type and exportability are unknown."],
    }
  }
  const newest = key.versions.at(-1)?.createdAtMs
  return {
    key: { keyId },
    identity,
    state: key.softDeleted ? "DISABLED" : "ENABLED",
    algorithm: key.type,
    exportable: key.exportable || key.allowsPlaintextBackup,
    latestVersion: String(key.latestVersion),
    ...(newest === undefined ? {} : { latestVersionCreatedAtMs: newest }),
    warnings: keyWarnings(key),
  }
}

/** Reads a key. @returns its facts; `undefined` when it exists, but the policy does not allow reading it */
export async function readOrProve(
  transit: TransitPort,
  keyId: string,
  call: CallOptions,
): Promise<TransitKey | undefined> {
  try {
    return await transit.readKey(keyId, call)
  } catch (error) {
    if (!(isPluginError(error) && error.code === "DENIED")) throw error
    await transit.proveKey(keyId, call)
    return undefined
  }
}

/**
 * Returns the identity of a key, as the server states it. A namespace may be given separately or at the beginning of
 * the mount path: both spellings refer to the same key and give the same identity.
 */
export async function keyIdentity(place: KeyPlace, keyId: string, call: CallOptions): Promise<string> {
  const clusterId = await statedClusterId(place.client, call)
  return [clusterId, ...(place.namespace === undefined ? [] : [place.namespace]), place.mountPath, keyId].join("/")
}

/**
 * Returns the id of the cluster that answers: the first part of the identity of each of its keys.
 * @throws {PluginError} SEALED, BAD_RESPONSE - it does not state one
 */
export async function statedClusterId(client: Pick<OpenBaoClient, "health">, call: CallOptions): Promise<string> {
  const { sealed, clusterId } = await client.health(call)
  if (sealed) throw sealedError()
  if (clusterId !== undefined) return clusterId
  throw pluginError(
    "BAD_RESPONSE",
    "OpenBao does not state its cluster id.",
    "Check that vault_address leads to OpenBao itself, whose sys/health states cluster_id.",
  )
}

/** Makes a context that no tenant key can have, because the ids of tenant keys are UUIDs. */
export function throwAwayContext(call: CallOptions, keyId: string): EncryptionContext {
  return { tenantId: call.tenantId, keyId, keyVersion: 1 }
}
