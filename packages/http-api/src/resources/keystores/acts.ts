import {
  connectionTestAnswerOf,
  connectionTestResponse,
  connectionTestTimeoutMs,
  connectionTestUnits,
} from "../../connection-test/answers.ts"
import { emptyDocument, keystoreParameters, tenantParameters } from "../../fields.ts"
import { document } from "../../pipeline/answer.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { setupMaterialOf } from "../../setup-material/answers.ts"
import { setupMaterialAnswer } from "../../setup-material/schemas.ts"
import { keystoreProblems } from "../keystore-problems.ts"
import { activationAnswer, keystoreDocument } from "./schemas.ts"

/** Tests an unsaved configuration. */
export const testUnsavedKeystore = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/keystores/test",
  summary: "Test a keystore without saving it",
  permission: "keystores.write",
  params: tenantParameters,
  query: none,
  body: keystoreDocument,
  response: connectionTestResponse,
  problems: ["PLUGIN_TYPE_UNKNOWN", "CONFIGURATION_INVALID"],
  timeoutMs: connectionTestTimeoutMs,
  workUnits: () => connectionTestUnits,
  handler: async ({ params, body, wantsLines, call, services }) =>
    connectionTestAnswerOf(services.keystores.test(params.tenant_id, { document: body }, call), wantsLines),
})

/** Tests a saved keystore. */
export const testKeystore = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}/test",
  summary: "Test a keystore",
  permission: "keystores.write",
  params: keystoreParameters,
  query: none,
  body: emptyDocument,
  response: connectionTestResponse,
  problems: ["KEYSTORE_NOT_FOUND"],
  timeoutMs: connectionTestTimeoutMs,
  workUnits: () => connectionTestUnits,
  handler: async ({ params, wantsLines, call, services }) =>
    connectionTestAnswerOf(
      services.keystores.test(params.tenant_id, { keystoreId: params.keystore_id }, call),
      wantsLines,
    ),
})

/** Activates a keystore: tests it, claims its L1 key and wraps a new tenant key with it. */
export const activateKeystore = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}/activate",
  summary: "Activate a keystore",
  description:
    "Tests the connection, claims the L1 key for this tenant, makes the tenant key and wraps it with L1 in a real round trip.",
  permission: "keystores.write",
  params: keystoreParameters,
  query: none,
  body: emptyDocument,
  response: { status: 200, description: "The keystore now holds the tenant's L1 key", schema: activationAnswer },
  problems: [
    "KEYSTORE_NOT_FOUND",
    "CONNECTION_TEST_FAILED",
    "L1_ALREADY_CLAIMED",
    "ANOTHER_KEYSTORE_ACTIVE",
    "OPERATION_BUDGET_TOO_SMALL",
    ...keystoreProblems,
  ],
  timeoutMs: connectionTestTimeoutMs,
  workUnits: () => connectionTestUnits,
  handler: async ({ params, call, services }) => {
    const answer = await services.keystores.activate(params.tenant_id, params.keystore_id, call)
    return document({ ...answer })
  },
})

/** Returns the set-up documents of a saved keystore. */
export const setupMaterial = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/keystores/{keystore_id}/setup-material",
  summary: "Get documents for the keystore's own administrator: policies, commands",
  permission: "keystores.read",
  params: keystoreParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The documents", schema: setupMaterialAnswer },
  problems: ["KEYSTORE_NOT_FOUND"],
  handler: async ({ params, call, services }) => {
    const subject = { keystoreId: params.keystore_id }
    return document(setupMaterialOf(await services.keystores.setupMaterial(params.tenant_id, subject, call)))
  },
})

/** Returns the set-up documents of an unsaved configuration. */
export const setupMaterialUnsaved = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/keystores/setup-material",
  summary: "Get the same documents for an unsaved keystore",
  permission: "keystores.read",
  params: tenantParameters,
  query: none,
  body: keystoreDocument,
  response: { status: 200, description: "The documents", schema: setupMaterialAnswer },
  problems: ["PLUGIN_TYPE_UNKNOWN", "CONFIGURATION_INVALID"],
  handler: async ({ params, body, call, services }) =>
    document(setupMaterialOf(await services.keystores.setupMaterial(params.tenant_id, { document: body }, call))),
})
