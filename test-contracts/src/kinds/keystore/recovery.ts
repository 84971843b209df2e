import { setTimeout as delay } from "node:timers/promises"
import { isPluginError } from "@apeiro-cmk/plugin-interface"
import type { KeystoreCaseContext } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"

const recoversWithinMs = 10_000

/**
 * Expects that the plugin recovers on its own. A call may still meet a connection, or share a login, from before; its
 * error is then retryable.
 */
export async function expectRecovery(opened: KeystoreCaseContext): Promise<void> {
  const giveUpAtMs = performance.now() + recoversWithinMs
  for (;;) {
    try {
      await expectStillWorks(opened)
      return
    } catch (error) {
      if (!isPluginError(error) || !error.retryable || performance.now() > giveUpAtMs) throw error
      await delay(50)
    }
  }
}
