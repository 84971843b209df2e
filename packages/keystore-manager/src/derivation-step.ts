import { randomUUID, timingSafeEqual } from "node:crypto"
import type { Clock, ConnectionStep, KeystoreV1, RandomSource } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { asCodedError } from "./undeclared-error.ts"

/** Name of the step that the host adds to every connection test. */
export const derivationStepName = "l2_derivation"

/** Makes one call of a step through the host's stages. */
export type RunStep = <T>(work: (options: Parameters<KeystoreV1["encrypt"]>[1]) => Promise<T>) => Promise<T>

/**
 * Uses the L1 key as the key hierarchy will: wraps 32 random bytes, unwraps them, and compares. The key id of the context
 * is never used again.
 *
 * @param run - makes each call through the host's stages
 */
export async function derivationStep(
  keystore: KeystoreV1,
  tenantId: string,
  clock: Clock,
  random: RandomSource,
  run: RunStep,
): Promise<ConnectionStep> {
  const startedMs = clock.monotonicMs()
  const ended = () => ({ name: derivationStepName, durationMs: clock.monotonicMs() - startedMs })
  try {
    await roundTrip(keystore, tenantId, random.bytes(32), run)
    return { ...ended(), outcome: "passed", message: "A tenant key was wrapped and unwrapped by the L1 key." }
  } catch (thrown) {
    return { ...ended(), ...failedStep(thrown) }
  }
}

/** Says how a step shows an error. */
export function failedStep(thrown: unknown): Pick<ConnectionStep, "outcome" | "message" | "nextStep" | "code"> {
  const { code, message, nextStep } = asCodedError(thrown)
  return { outcome: "failed", message, nextStep, code }
}

async function roundTrip(keystore: KeystoreV1, tenantId: string, plaintext: Uint8Array, run: RunStep): Promise<void> {
  const key = keystore.defaultKey
  const context = { tenantId, keyId: `connection-test-${randomUUID()}`, keyVersion: 1 }
  let opened: Uint8Array | undefined
  try {
    const { ciphertext, keyVersion } = await run((options) => keystore.encrypt({ key, plaintext, context }, options))
    const answer = await run((options) => keystore.decrypt({ key, ciphertext, keyVersion, context }, options))
    opened = answer.plaintext
    if (opened.length !== plaintext.length || !timingSafeEqual(opened, plaintext)) {
      throw pluginError(
        "KEY_MISMATCH",
        "The keystore did not return what was wrapped.",
        "Check that the address names one keystore, whose nodes hold the same key.",
      )
    }
    if (bufferOf(ciphertext).includes(bufferOf(plaintext))) {
      throw pluginError(
        "BAD_RESPONSE",
        "The wrap contains its plaintext.",
        "Do not use this keystore: it does not encrypt.",
      )
    }
  } finally {
    plaintext.fill(0)
    opened?.fill(0)
  }
}

/** Makes a view, not a copy. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
