import type { ConnectionStep, KeyDescription } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { managerError } from "./errors.ts"
import { stepError } from "./step-errors.ts"

/**
 * Refuses an activation whose connection test failed.
 * @throws {KeystoreManagerError} CONNECTION_TEST_FAILED - origin and retryability are those of the failed step
 */
export function requirePassed(steps: readonly ConnectionStep[]): void {
  const failed = steps.find((step) => step.outcome === "failed")
  if (failed === undefined) return
  const cause = stepError(failed)
  throw managerError("CONNECTION_TEST_FAILED", `The connection test failed at ${failed.name}: ${failed.message}`, {
    origin: cause.origin,
    retryable: cause.retryable,
    ...(failed.nextStep === undefined ? {} : { nextStep: failed.nextStep }),
    cause,
    steps,
  })
}

/**
 * Refuses an L1 key that the keystore itself does not describe as usable. The claim rests on its identity.
 * @throws {PluginError} KEY_DISABLED, KEY_PENDING_DELETION, KEY_UNSUITABLE, BAD_RESPONSE
 */
export function requireUsable(description: KeyDescription): KeyDescription {
  const { identity, state } = description
  if (state === "DISABLED") throw pluginError("KEY_DISABLED", "The L1 key is disabled.", "Enable it at its keystore.")
  if (state === "PENDING_DELETION") {
    throw pluginError(
      "KEY_PENDING_DELETION",
      "The L1 key is scheduled for deletion.",
      "Cancel the deletion at its keystore.",
    )
  }
  if (state === "PENDING_IMPORT") {
    throw pluginError("KEY_UNSUITABLE", "The L1 key has no material yet.", "Import its material at its keystore.")
  }
  if (identity.length === 0 || identity.length > 500) {
    throw pluginError(
      "BAD_RESPONSE",
      "The plugin did not state the identity of the L1 key.",
      "Report this to its maintainers.",
    )
  }
  return description
}

/**
 * Refuses an L1 key that may leave its keystore. In production, no answer counts as yes.
 * @throws {PluginError} KEY_UNSUITABLE
 */
export function requireNotExportable({ exportable }: KeyDescription): void {
  if (exportable === false) return
  if (exportable === "unknown") {
    throw pluginError(
      "KEY_UNSUITABLE",
      "The keystore does not say whether the L1 key can be exported, and `mode: production` requires that it cannot.",
      "Grant read on the key to the keystore's credential, then activate again.",
    )
  }
  throw pluginError(
    "KEY_UNSUITABLE",
    "The L1 key can be exported, and `mode: production` requires that it cannot.",
    "Use another key, created as not exportable.",
  )
}
