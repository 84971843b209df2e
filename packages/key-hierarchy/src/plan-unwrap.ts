import { type CodedError, PluginError } from "@apeiro-cmk/plugin-interface"
import type { TenantKeyWrap } from "./records.ts"

/** The members of a wrap that decide whether it is tried. */
export type PlannedWrap = Pick<TenantKeyWrap, "keystoreId" | "state">

/** The tenant's side of the decision: what forbids every wrap at once. Custody mode and latch belong here. */
export interface UnwrapCustody {
  /** Why no wrap of the tenant key may be tried; absent where nothing forbids it. */
  readonly forbids?: CodedError
}

/** The keystores' side of the decision, by keystore id. A keystore that is not named is in service. */
export type KeystoreConditions = ReadonlyMap<string, "in-service" | "out-of-service">

/** The decision: the wraps to try, first to last, or the reason why none is tried. */
export type UnwrapPlan<Wrap> =
  | { readonly allowed: true; readonly wraps: readonly [Wrap, ...Wrap[]] }
  | { readonly allowed: false; readonly reason: CodedError }

/** Says nothing about any keystore. */
export const noConditions: KeystoreConditions = new Map()

/**
 * Decides which wraps of a tenant key are tried, in which order, and what forbids it. Pure.
 *
 * A quarantined wrap is never tried, nor is one whose keystore is out of service. A tenant has one active keystore, so
 * the plan is the first wrap that is left.
 *
 * @param wraps - of one version of the tenant key, in the order in which they are preferred
 * @returns the reason is `custody.forbids`, or a `PluginError`: UNREACHABLE where every keystore with a good wrap is out of
 * service, KEY_MISMATCH where there is no good wrap
 */
export function planUnwrap<Wrap extends PlannedWrap>(
  wraps: readonly Wrap[],
  custody: UnwrapCustody,
  conditions: KeystoreConditions,
): UnwrapPlan<Wrap> {
  if (custody.forbids !== undefined) return { allowed: false, reason: custody.forbids }
  const wrap = wraps.find(
    ({ state, keystoreId }) => state === "good" && conditions.get(keystoreId) !== "out-of-service",
  )
  if (wrap !== undefined) return { allowed: true, wraps: [wrap] }
  const isQuarantined = wraps.every(({ state }) => state === "quarantined")
  return { allowed: false, reason: isQuarantined ? keyMismatch() : outOfService() }
}

/** Makes the error for a keystore that returned another key than the one that was wrapped. */
export function keyMismatch(): PluginError {
  return new PluginError("KEY_MISMATCH", "The keystore unwrapped something that is not this tenant key.", {
    origin: "backend",
    retryable: false,
    nextStep: "Check that the keystore still holds the same L1 key, and restore it if it was replaced.",
  })
}

function outOfService(): PluginError {
  return new PluginError("UNREACHABLE", "Every keystore that holds a wrap of the tenant key is out of service.", {
    origin: "host",
    retryable: true,
    nextStep: "Look at the health of the tenant's keystores; service resumes when one of them works again.",
  })
}
