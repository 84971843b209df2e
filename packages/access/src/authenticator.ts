import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { Principal } from "./principal.ts"
import type { TokenLookup } from "./token-lookup.ts"

/** Evidence that a caller shows, as values: the server of each protocol fills in the part that its protocol carries. */
export interface Evidence {
  /** Value of an `Authorization` header, as it came. */
  readonly authorization: string | undefined
}

/** Everything that the authenticators judge by. */
export interface AuthenticationServices {
  readonly tokens: TokenLookup
  readonly administratorTokenHash: Uint8Array
  readonly clock: Clock
}

/**
 * One way to show who asks.
 *
 * @returns undefined when the evidence is of another kind, or is not valid: the next authenticator is asked then
 */
export type Authenticator = (evidence: Evidence, services: AuthenticationServices) => Promise<Principal | undefined>
