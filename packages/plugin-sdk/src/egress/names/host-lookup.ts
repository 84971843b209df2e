import type { Caller } from "@apeiro-cmk/plugin-interface"

/** A numeric address. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** For whom a name is looked up, and until when it is wanted. */
export interface LookupCaller extends Caller {
  readonly signal?: AbortSignal
}

/**
 * Resolves a host name to all of its addresses; a seam for tests.
 *
 * @throws {Error} with a code as Node's own: ENOTFOUND - the name is not known; EAI_AGAIN - no DNS server answered
 * @throws {PluginError} THROTTLED - of origin `host`: too many look-ups of this tenant wait; or the reason of the signal
 */
export type HostLookup = (hostname: string, caller: LookupCaller) => Promise<readonly ResolvedAddress[]>

/** Looks up what the operator has configured, as a proxy's name. */
export const operator: LookupCaller = { tenantId: "" }

/** Makes the error of a name that no source knows. */
export function unknownName(): Error {
  return Object.assign(new Error("The name is not known."), { code: "ENOTFOUND" })
}

/** Makes the error of a name that no DNS server gave an answer about. */
export function unansweredName(): Error {
  return Object.assign(new Error("No DNS server answered in time."), { code: "EAI_AGAIN" })
}

/** Tells whether an error means that a name has no address, or none that could be found out. */
export function isUnknownName(error: unknown): error is Error & { readonly code: "ENOTFOUND" | "EAI_AGAIN" } {
  return error instanceof Error && "code" in error && (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN")
}
