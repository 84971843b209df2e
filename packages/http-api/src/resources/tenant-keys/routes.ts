import { tenantParameters } from "../../fields.ts"
import { document } from "../../pipeline/answer.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { verificationOf } from "./answers.ts"
import { keyExportAnswer, tenantVerification } from "./schemas.ts"

/** Work of a verification or an export of some hundred service keys, in data keys that would take as long. */
const verificationUnits = 10

/** Asks every keystore to open the wraps of the tenant key. */
export const verifyTenant = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/verify",
  summary: "Verify which L1 key wraps each tenant key (L2), and that tenant and service keys (L3) open now",
  description:
    "Each wrap is sent to its keystore, the result is compared with the key's commitment, and each service key is opened with it; the audit log records each of these steps. It asks the keystores and fills the log, so it is for administrators, and one runs at a time; what it asks is taken from the operations of the hour that are not reserved for renewals.",
  permission: "keys.verify",
  params: tenantParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The findings", schema: tenantVerification },
  problems: ["VERIFICATION_RUNNING"],
  timeoutMs: 45_000,
  workUnits: () => verificationUnits,
  handler: async ({ params, call, services }) => {
    const found = await services.keys.verifyTenant(params.tenant_id, call)
    const entryIds = found.tenantKeys.flatMap(({ wraps }) => wraps.map(({ auditEntryId }) => auditEntryId))
    return document(verificationOf(found, await services.auditPlaces.places(params.tenant_id, entryIds)))
  },
})

/** Exports everything that a tenant needs to open its envelopes without this host. */
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
  workUnits: () => verificationUnits,
  handler: async ({ params, call, services }) => {
    const { tenant_keys, service_keys, ...facts } = await services.keys.exportKeys(params.tenant_id, call)
    return document({ ...facts, tenant_keys: [...tenant_keys], service_keys: [...service_keys] })
  },
})
