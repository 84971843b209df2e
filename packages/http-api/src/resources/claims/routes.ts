import { timeBudgets } from "@apeiro-cmk/host-call"
import type { ClaimRecord } from "@apeiro-cmk/keystore-manager"
import type * as z from "zod"
import { momentOf } from "../../fields.ts"
import { document } from "../../pipeline/answer.ts"
import { defineList } from "../../pipeline/define-list.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { claimAnswer, claimantQuery, claimId, claimList, claimParameters } from "./schemas.ts"

/** Writes a claim as the API shows it. */
function claimAnswerOf(claim: ClaimRecord): z.input<typeof claimAnswer> {
  const { claimId, pluginType, keyIdentity, tenantId, keystoreId, claimedAtMs, contestedAtMs } = claim
  return {
    ...{ claim_id: claimId, plugin_type: pluginType, l1_key_identity: keyIdentity, tenant_id: tenantId },
    ...(keystoreId === undefined ? {} : { plugin_name: keystoreId }),
    claimed_at: momentOf(claimedAtMs),
    ...(contestedAtMs === undefined ? {} : { contested_at: momentOf(contestedAtMs) }),
  }
}

/** Lists the claims of all tenants. */
export const listClaims = defineList({
  path: "/v1/platform/claims",
  summary: "List the claims on L1 keys",
  permission: "platform.read",
  params: none,
  description: "The claims, by their ids",
  schema: claimList,
  position: claimId,
  read: (page, _params, services) => services.claims.list(page),
  positionOf: ({ claimId }) => claimId,
  answer: (claims) => ({ claims: claims.map(claimAnswerOf) }),
})

/** Takes a claim from its holder. */
export const releaseClaim = defineRoute({
  method: "delete",
  path: "/v1/platform/claims/{claim_id}",
  summary: "Release a claim: give it to the tenant that owns the key",
  description:
    "For a key whose owner is refused, since another tenant's server states its identity. Both keystores are asked: while " +
    "the holder's opens what the claimant's wraps, the claim stays. A holder whose keystore does not answer has three days. " +
    "The holder's keystore and keys stay as they are. The release is in the audit logs of both tenants and of the platform.",
  permission: "platform.administer",
  params: claimParameters,
  query: claimantQuery,
  body: none,
  response: { status: 200, description: "The claim of the claimant's tenant", schema: claimAnswer },
  problems: ["CLAIM_NOT_FOUND", "KEYSTORE_NOT_FOUND", "CLAIM_NOT_CONTESTED", "CLAIM_HELD", "CLAIM_UNPROVEN"],
  timeoutMs: timeBudgets.claimRelease.limitMs,
  handler: async ({ params, query, call, services }) => {
    const claimant = { tenantId: query.claimant_tenant_id, keystoreId: query.claimant_plugin_name }
    return document(claimAnswerOf(await services.claims.release(params.claim_id, claimant, call)))
  },
})
