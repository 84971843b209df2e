import type { CallOptions, KeyRef, KeystoreV1, PluginError } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { hasCode } from "./errors.ts"
import type { KeystoreRecord } from "./records.ts"

/**
 * Refuses a key that is not the one whose identity was pinned at the activation. A name can move: an alias is pointed at
 * another key, or a key is deleted and another one made under its name.
 *
 * @param pinned - identity of the L1 key, as the keystore stated it at the activation
 * @throws {PluginError} KEY_MISMATCH - the message names the alias, label or name, and both keys
 * @throws {PluginError} any other code of `describeKey`
 */
export async function requirePinnedKey(
  keystore: KeystoreV1,
  key: KeyRef,
  pinned: string,
  options: CallOptions,
): Promise<void> {
  const { identity } = await keystore.describeKey(key, options)
  if (identity !== pinned) throw movedName(key.keyId, pinned, identity)
}

/**
 * Finds out why an active keystore refused a wrap: where its name for the key leads to another key, that is the reason.
 *
 * @returns never; rejects with KEY_MISMATCH, or with the refusal itself
 */
export async function explainRefusal(
  refusal: unknown,
  keystore: KeystoreV1,
  key: KeyRef,
  { state, keyIdentity }: KeystoreRecord,
  options: CallOptions,
): Promise<never> {
  if (state !== "active" || keyIdentity === undefined || !hasCode(refusal, "CIPHERTEXT_REJECTED")) throw refusal
  await requirePinnedKey(keystore, key, keyIdentity, options).catch((error: unknown) => {
    // Any other error says only that the reason is unknown.
    throw hasCode(error, "KEY_MISMATCH") ? error : refusal
  })
  throw refusal
}

function movedName(name: string, pinned: string, found: string): PluginError {
  return pluginError(
    "KEY_MISMATCH",
    `The name "${name}" leads to another key than the one that was activated: to ${found}, not to ${pinned}.`,
    "Point the name back to the activated key; the keys that it wraps open with that key alone.",
  )
}
