import type { AuthenticationServices, Authenticator, Evidence } from "./authenticator.ts"
import { administratorToken } from "./authenticators/administrator-token.ts"
import { tenantToken } from "./authenticators/tenant-token.ts"
import { anonymous, type Caller } from "./principal.ts"

/** The chain of authenticators, in the order in which they are asked. Another one is a file and a row here. */
const authenticators: readonly Authenticator[] = [administratorToken, tenantToken]

/**
 * Finds out who shows some evidence: the first authenticator that recognises it decides.
 *
 * @returns anonymous for missing, unknown, expired and revoked evidence alike: a caller cannot tell which
 * @throws {PersistenceError} DATABASE_UNAVAILABLE, DATABASE_FAULT
 */
export async function authenticate(evidence: Evidence, services: AuthenticationServices): Promise<Caller> {
  for (const recognise of authenticators) {
    const principal = await recognise(evidence, services)
    if (principal !== undefined) return principal
  }
  return anonymous
}
