import { invalidRequest } from "../../errors.ts"
import { keystoreId, keystoreParameters, tenantParameters } from "../../fields.ts"
import { created, document, nothing } from "../../pipeline/answer.ts"
import { defineList } from "../../pipeline/define-list.ts"
import { etagOf, matchedRevision } from "../../pipeline/etag.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { keystoreAnswerOf, keystoreSummaryOf } from "./answers.ts"
import { keystoreAnswer, keystoreChange, keystoreDocument, keystoreList } from "./schemas.ts"

const etagHeader = { ETag: "Opaque tag of this state, for `If-Match`" }

/** Adds a keystore, inactive. */
export const addKeystore = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/keystores",
  summary: "Add a keystore",
  description: "Secrets in the configuration are sealed before anything is stored; no answer ever contains them.",
  permission: "keystores.write",
  params: tenantParameters,
  query: none,
  body: keystoreDocument,
  response: { status: 201, description: "The new keystore, inactive", schema: keystoreAnswer, headers: etagHeader },
  problems: ["KEYSTORE_EXISTS", "PLUGIN_TYPE_UNKNOWN", "CONFIGURATION_INVALID", "QUOTA_EXCEEDED"],
  replay: (answer) => answer,
  handler: async ({ params, body, call, services }) => {
    const record = await services.keystores.add(params.tenant_id, body, call)
    const location = `/v1/tenants/${params.tenant_id}/keystores/${record.keystoreId}`
    return created(location, keystoreAnswerOf(record), { ETag: etagOf(record) })
  },
})

/** Lists a tenant's keystores. */
export const listKeystores = defineList({
  path: "/v1/tenants/{tenant_id}/keystores",
  summary: "List the keystores, without their configurations",
  permission: "keystores.read",
  params: tenantParameters,
  description: "The keystores, by name",
  schema: keystoreList,
  position: keystoreId,
  read: (page, params, services) => services.keystores.list(params.tenant_id, page),
  positionOf: (keystore) => keystore.keystoreId,
  answer: (keystores) => ({ keystores: keystores.map(keystoreSummaryOf) }),
})

/** Shows one keystore. */
export const getKeystore = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}",
  summary: "Show a keystore",
  permission: "keystores.read",
  params: keystoreParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The keystore", schema: keystoreAnswer, headers: etagHeader },
  problems: ["KEYSTORE_NOT_FOUND"],
  handler: async ({ params, services }) => {
    const record = await services.keystores.get(params.tenant_id, params.keystore_id)
    return document(keystoreAnswerOf(record), { ETag: etagOf(record) })
  },
})

/** Changes a keystore's configuration. */
export const changeKeystore = defineRoute({
  method: "put",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}",
  summary: "Change a keystore's configuration",
  description:
    'Replaces the whole configuration. A secret that is sent as an answer shows it, `{"set": true, ...}`, stays as it is. ' +
    "The fields that identify the key are fixed once the keystore is active.",
  permission: "keystores.write",
  params: keystoreParameters,
  query: none,
  body: keystoreChange,
  response: { status: 200, description: "The changed keystore", schema: keystoreAnswer, headers: etagHeader },
  problems: ["KEYSTORE_NOT_FOUND", "CONFIGURATION_INVALID", "IDENTITY_FIELD_FIXED", "QUOTA_EXCEEDED"],
  needsIfMatch: true,
  handler: async ({ params, body, ifMatch, call, services }) => {
    const stored = await services.keystores.get(params.tenant_id, params.keystore_id)
    const revision = matchedRevision(ifMatch, stored)
    requireSame("plugin_type", body.plugin_type, stored.pluginType)
    requireSame("plugin_name", body.plugin_name, stored.keystoreId)
    const changed = await services.keystores.change(
      params.tenant_id,
      params.keystore_id,
      body.configuration,
      revision,
      call,
    )
    return document(keystoreAnswerOf(changed), { ETag: etagOf(changed) })
  },
})

/** Removes a keystore that wraps no tenant key. */
export const removeKeystore = defineRoute({
  method: "delete",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}",
  summary: "Remove a keystore that wraps no tenant key",
  permission: "keystores.write",
  params: keystoreParameters,
  query: none,
  body: none,
  response: { status: 204, description: "The keystore and its secrets are gone" },
  problems: ["KEYSTORE_NOT_FOUND", "KEYSTORE_IN_USE"],
  needsIfMatch: true,
  handler: async ({ params, ifMatch, call, services }) => {
    const stored = await services.keystores.get(params.tenant_id, params.keystore_id)
    const revision = matchedRevision(ifMatch, stored)
    await services.keystores.remove(params.tenant_id, params.keystore_id, revision, call)
    return nothing()
  },
})

function requireSame(field: string, wanted: string | undefined, stored: string): void {
  if (wanted === undefined || wanted === stored) return
  throw invalidRequest(`The ${field} of a keystore cannot be changed.`, [
    { path: [field], message: `must be ${stored}: add another keystore instead`, allowed: [stored] },
  ])
}
