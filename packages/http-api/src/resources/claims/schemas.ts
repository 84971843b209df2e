import * as z from "zod"
import { keystoreId, moment, tenantId } from "../../fields.ts"

/** Id of a claim. */
export const claimId = z.uuid().max(36).meta({ description: "Another one each time the key is claimed" })

/** The claim of a tenant on an L1 key. */
export const claimAnswer = z
  .strictObject({
    claim_id: claimId,
    plugin_type: z.string(),
    l1_key_identity: z.string().meta({ description: "Canonical identity of the key, as the keystore stated it" }),
    tenant_id: tenantId,
    plugin_name: keystoreId.optional().meta({ description: "The tenant's keystore for the key" }),
    claimed_at: moment,
    contested_at: moment
      .optional()
      .meta({ description: "Since when the holder's keystore has not answered a request for the release" }),
  })
  .meta({ id: "Claim" })

/** A part of the claims. */
export const claimList = z.strictObject({ claims: z.array(claimAnswer) }).meta({ id: "ClaimList" })

/** Names the claim of a request. */
export const claimParameters = z.strictObject({ claim_id: claimId })

/** Names the keystore whose tenant gets the claim. */
export const claimantQuery = z.strictObject({
  claimant_tenant_id: tenantId.meta({ description: "Tenant that owns the key" }),
  claimant_plugin_name: keystoreId.meta({ description: "Its keystore for the key, which must work" }),
})
