import { type TenantKeyWrap, tenantKeyUnreadable } from "@apeiro-cmk/key-hierarchy"
import type { CodedError, KeyDescription } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"

/** How far the clocks of host and keystore may be apart before a key counts as made after a wrap. */
const clockToleranceMs = 60_000

const restore =
  "Restore the L1 key that made the wrap, or its backup, at the keystore; without it, the tenant's keys cannot be opened."

/**
 * Says why a keystore refuses a stored wrap of the key that it still states as the activated one, as far as the facts go: a
 * key that is younger than the wrap is another one. Otherwise the wrap may also have been altered, and nothing tells which.
 *
 * @param description - what the keystore says about the key that now has the name
 */
export function explainRefusedWrap(
  wrap: Pick<TenantKeyWrap, "l1KeyVersion" | "createdAtMs">,
  { latestVersion, latestVersionCreatedAtMs: madeAtMs }: KeyDescription,
): CodedError {
  const isYounger = madeAtMs !== undefined && madeAtMs > wrap.createdAtMs + clockToleranceMs
  if (latestVersion === wrap.l1KeyVersion && isYounger) {
    const [made, wrapped] = [madeAtMs, wrap.createdAtMs].map((atMs) => new Date(atMs).toISOString())
    const message = `Version ${latestVersion} of the L1 key was made at ${made}, later than the stored wrap (${wrapped}): the key behind its name is another one.`
    return pluginError("KEY_MISMATCH", message, restore)
  }
  return tenantKeyUnreadable()
}
