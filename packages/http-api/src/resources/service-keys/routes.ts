import type { ServiceKeyRecord } from "@apeiro-cmk/key-hierarchy"
import * as z from "zod"
import { momentOf, serviceKeyName, tenantParameters } from "../../fields.ts"
import { created } from "../../pipeline/answer.ts"
import { defineList } from "../../pipeline/define-list.ts"
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
  problems: ["SERVICE_KEY_EXISTS", "TENANT_KEY_MISSING", "QUOTA_EXCEEDED", ...keystoreProblems],
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
export const listServiceKeys = defineList({
  path: "/v1/tenants/{tenant_id}/service-keys",
  summary: "List the service keys, each version",
  permission: "service_keys.read",
  params: tenantParameters,
  description: "The service keys, by name and version",
  schema: serviceKeyList,
  position: z.tuple([serviceKeyName, z.int()]),
  read: (page, params, services) => services.serviceKeyList.serviceKeyPage(params.tenant_id, page),
  positionOf: ({ name, version }) => [name, version],
  answer: (keys) => ({ service_keys: keys.map(serviceKeyAnswerOf) }),
})
