import { KeyHierarchyError } from "./error.ts"
import type { KeyLifecycleState } from "./records.ts"

/** What a key is used for: to wrap something new, or to open what it wrapped earlier. */
export type KeyUse = "encrypt" | "decrypt"

/** NIST SP 800-57 part 1 rev. 5, section 7: what each state still allows. */
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
  const forbidding = states.find((state) => !allowedUses[state].includes(use))
  if (forbidding === undefined) return
  throw new KeyHierarchyError(
    "KEY_STATE_FORBIDS",
    `${what} may not ${use}: it, or the key above it, is ${forbidding}.`,
    {
      origin: "caller",
      retryable: false,
      nextStep: "Use a key that is Active, or have an administrator of the tenant change the state of this one.",
    },
  )
}
