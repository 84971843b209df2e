import { type AuditEvent, platformTenantId } from "@apeiro-cmk/audit-log"
import { type EventFailure, eventOf, type HostCall } from "@apeiro-cmk/host-call"
import type { KeystoreRecord } from "../records.ts"
import type { HolderAnswer } from "./claim-proof.ts"
import type { ClaimRecord } from "./claim-records.ts"

/** A release, as far as it is known: everything but the id is absent when there is no such claim or claimant. */
export interface ReleaseAct {
  readonly claimId: string
  readonly claim?: ClaimRecord
  readonly claimant?: KeystoreRecord
  /** Present in a release that succeeds. */
  readonly answer?: HolderAnswer
}

/**
 * Makes the events of a release: for the platform's log, and for those of the claimant and the holder. A tenant's event says
 * nothing about the other tenant.
 */
export function releaseEvents(
  { claimId, claim, claimant, answer }: ReleaseAct,
  outcome: EventFailure | { readonly outcome: "success" },
  call: HostCall,
): readonly AuditEvent[] {
  const eventIn = (tenantId: string, facts: NonNullable<AuditEvent["facts"]>): AuditEvent => ({
    ...eventOf("claimRelease", tenantId, call),
    ...outcome,
    resource: { type: "claim", id: claimId },
    facts,
  })
  if (claim === undefined || claimant === undefined) return [eventIn(platformTenantId, {})]
  const { keyIdentity: key_identity } = claim
  const parties = {
    ...{ holder: claim.tenantId, holder_keystore: claim.keystoreId ?? "" },
    ...{ claimant: claimant.tenantId, claimant_keystore: claimant.keystoreId },
  }
  const proof = answer === undefined ? {} : { holder_answer: answer }
  const inTenant = (role: "holder" | "claimant", tenantId: string, keystoreId: string | undefined): AuditEvent => ({
    ...eventIn(tenantId, { role, key_identity }),
    ...(keystoreId === undefined ? {} : { keystoreId }),
  })
  return [
    eventIn(platformTenantId, { ...parties, ...proof, key_identity }),
    inTenant("claimant", claimant.tenantId, claimant.keystoreId),
    inTenant("holder", claim.tenantId, claim.keystoreId),
  ]
}
