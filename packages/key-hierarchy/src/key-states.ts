import { KeyHierarchyError } from "./error.ts"
import type { KeyLifecycleState } from "./records.ts"

/** Use of a key: wrapping something new, or opening what it wrapped earlier. */
export type KeyUse = "encrypt" | "decrypt"

/** Uses that each state allows: NIST SP 800-57 part 1 rev. 5, section 7. */
const allowedUses: Record<KeyLifecycleState, readonly KeyUse[]> = {
  PreActive: [],
  Active: ["encrypt", "decrypt"],
  Suspended: ["decrypt"],
  Deactivated: ["decrypt"],
  Compromised: ["decrypt"],
  Destroyed: [],
}

/**
 * Refuses a use that a key or any key above it forbids, so that a child is never more active than its parent.
 *
 * @param states - of the key and of each key above it
 * @throws {KeyHierarchyError} KEY_STATE_FORBIDS
 */
export function assertUse(use: KeyUse, what: string, states: readonly KeyLifecycleState[]): void {
  const refusal = refusalOf(use, what, states)
  if (refusal !== undefined) throw refusal
}

/** Gives the error with which {@link assertUse} refuses; undefined where the use is allowed. */
export function refusalOf(
  use: KeyUse,
  what: string,
  states: readonly KeyLifecycleState[],
): KeyHierarchyError | undefined {
  const forbidding = states.find((state) => !allowedUses[state].includes(use))
  if (forbidding === undefined) return undefined
  return new KeyHierarchyError(
    "KEY_STATE_FORBIDS",
    `${what} may not ${use}: it, or the key above it, is ${forbidding}.`,
    {
      origin: "caller",
      retryable: false,
      nextStep: "Use an Active key, or ask an administrator of the tenant to change the state of this one.",
    },
  )
}
