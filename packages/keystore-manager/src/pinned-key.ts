import { errorMeanings } from "@apeiro-cmk/key-hierarchy"
import {
  type CallOptions,
  type Clock,
  isPluginError,
  type KeyRef,
  type KeystoreV1,
  type PluginError,
} from "@apeiro-cmk/plugin-interface"
import { abortable, pluginError, withDeadline } from "@apeiro-cmk/plugin-sdk"
import { hasCode } from "./errors.ts"
import type { KeystoreRecord } from "./records.ts"

/** Longest look at a key whose keystore refused a wrap, in milliseconds. */
const explanationLimitMs = 1_000

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
  clock: Clock,
): Promise<never> {
  if (state !== "active" || keyIdentity === undefined || !mayBeMoved(refusal)) throw refusal
  // Less than is left: a denial must not become a time-out because the keystore then falls silent.
  const limitMs = Math.min(explanationLimitMs, (options.deadlineMs - clock.nowMs()) / 2)
  const bound = withDeadline(options.signal, limitMs, clock)
  try {
    const looking = requirePinnedKey(keystore, key, keyIdentity, { ...options, ...bound })
    await abortable(looking, bound.signal)
  } catch (error) {
    // Any other error says only that the reason is unknown.
    if (hasCode(error, "KEY_MISMATCH")) throw error
  } finally {
    bound.dispose()
  }
  throw refusal
}

/** A name that moved leads to a key that refuses the wrap, or refuses everything. */
function mayBeMoved(refusal: unknown): boolean {
  if (!isPluginError(refusal)) return false
  const { custody } = errorMeanings[refusal.code]
  return custody === "wrap-rejected" || custody === "denied"
}

function movedName(name: string, pinned: string, found: string): PluginError {
  return pluginError(
    "KEY_MISMATCH",
    `The name "${name}" leads to another key than the one that was activated: to ${found}, not to ${pinned}.`,
    "Point the name back to the activated key; the keys that it wraps open with that key alone.",
  )
}
