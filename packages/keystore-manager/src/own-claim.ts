import { alreadyClaimed } from "./errors.ts"
import type { KeystoreRepository } from "./ports.ts"

/**
 * Refuses an L1 key that serves another tenant: an active keystore can lose its claim by a release.
 * @throws {KeystoreManagerError} L1_ALREADY_CLAIMED
 */
export async function requireOwnClaim(
  repository: Pick<KeystoreRepository, "claimOwner">,
  pluginType: string,
  keyIdentity: string,
  tenantId: string,
): Promise<void> {
  const owner = await repository.claimOwner(pluginType, keyIdentity)
  if (owner !== undefined && owner !== tenantId) throw alreadyClaimed()
}
