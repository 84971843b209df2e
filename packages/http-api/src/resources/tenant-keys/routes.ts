import { tenantParameters } from "../../fields.ts"
import { document } from "../../pipeline/answer.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { verificationOf } from "./answers.ts"
import { keyExportAnswer, tenantVerification } from "./schemas.ts"

/** Has every keystore open what it wraps. */
export const verifyTenant = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/verify",
  summary: "Which L1 key wraps each tenant key (L2), and whether it opens it, and that each service key (L3), now",
  description:
    "Each wrap is sent to its keystore and compared with the key's commitment, and each service key is opened with what came out; each such act is in the audit log.",
  permission: "tenant.read",
  params: tenantParameters,
  query: none,
  body: none,
  response: { status: 200, description: "What was found", schema: tenantVerification },
  problems: [],
  timeoutMs: 45_000,
  handler: async ({ params, call, services }) => {
    const found = await services.keys.verifyTenant(params.tenant_id, call)
    const entryIds = found.tenantKeys.flatMap(({ wraps }) => wraps.map(({ auditEntryId }) => auditEntryId))
    return document(verificationOf(found, await services.auditPlaces.places(params.tenant_id, entryIds)))
  },
})

/** Writes down what a tenant needs to open its envelopes without us. */
export const exportKeys = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/key-export",
  summary: "Export what `apeiro-cmk recover` needs",
  description: "Wraps and envelopes, no secret: with the L1 key they open every data key of the tenant offline.",
  permission: "keys.export",
  params: tenantParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The export", schema: keyExportAnswer },
  problems: [],
  handler: async ({ params, call, services }) => {
    const { tenant_keys, service_keys, ...facts } = await services.keys.exportKeys(params.tenant_id, call)
    return document({ ...facts, tenant_keys: [...tenant_keys], service_keys: [...service_keys] })
  },
})
