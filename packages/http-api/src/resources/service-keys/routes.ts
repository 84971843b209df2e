import type { ServiceKeyRecord } from "@apeiro-cmk/key-hierarchy"
import type * as z from "zod"
import { momentOf, tenantParameters } from "../../fields.ts"
import { created, document } from "../../pipeline/answer.ts"
import { renamed } from "../../pipeline/renamed.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { keystoreProblems } from "../keystore-problems.ts"
import { serviceKeyAnswer, serviceKeyDocument, serviceKeyList } from "./schemas.ts"

function serviceKeyAnswerOf(record: ServiceKeyRecord): z.input<typeof serviceKeyAnswer> {
  return {
    name: record.name,
    service_key_id: record.serviceKeyId,
    version: record.version,
    state: record.state,
    parent: { key_id: record.parentKeyId, version: record.parentKeyVersion },
    created_at: momentOf(record.createdAtMs),
  }
}

/** Makes a service key. */
export const createServiceKey = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/service-keys",
  summary: "Make a service key (L3)",
  permission: "service_keys.write",
  params: tenantParameters,
  query: none,
  body: serviceKeyDocument,
  response: { status: 201, description: "The new service key", schema: serviceKeyAnswer },
  problems: ["SERVICE_KEY_EXISTS", "TENANT_KEY_MISSING", ...keystoreProblems],
  replay: (answer) => answer,
  handler: async ({ params, body, call, services }) => {
    const message = `The service key ${body.name} exists already.`
    const record = await renamed({ ALREADY_EXISTS: { code: "SERVICE_KEY_EXISTS", message } }, () =>
      services.keys.createServiceKey(params.tenant_id, body.name, call),
    )
    return created(`/v1/tenants/${params.tenant_id}/service-keys/${record.name}`, serviceKeyAnswerOf(record))
  },
})

/** Lists service keys. */
export const listServiceKeys = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/service-keys",
  summary: "List the service keys, each version",
  permission: "service_keys.read",
  params: tenantParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The service keys, by name and version", schema: serviceKeyList },
  problems: [],
  handler: async ({ params, services }) =>
    document({ service_keys: (await services.keyRecords.serviceKeys(params.tenant_id)).map(serviceKeyAnswerOf) }),
})
