import type { Clock, ConnectionStep, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { failedStep, type RunStep } from "./derivation-step.ts"
import { requirePinnedKey } from "./pinned-key.ts"

/** Name of the step. */
export const pinnedKeyStepName = "activated_key"

/**
 * Checks that the keystore's name for the L1 key still leads to the key that was activated: the host's step in the
 * connection test of an active keystore.
 *
 * @param pinned - identity of the L1 key, as the keystore stated it at the activation
 * @param run - makes the call through the host's stages
 */
export async function pinnedKeyStep(
  keystore: KeystoreV1,
  pinned: string,
  clock: Clock,
  run: RunStep,
): Promise<ConnectionStep> {
  const startedMs = clock.monotonicMs()
  const ended = () => ({ name: pinnedKeyStepName, durationMs: clock.monotonicMs() - startedMs })
  try {
    await run((options) => requirePinnedKey(keystore, keystore.defaultKey, pinned, options))
    return { ...ended(), outcome: "passed", message: "The configuration leads to the L1 key that was activated." }
  } catch (thrown) {
    return { ...ended(), ...failedStep(thrown) }
  }
}
