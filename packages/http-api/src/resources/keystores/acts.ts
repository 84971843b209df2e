import { timeBudgets } from "@apeiro-cmk/host-call"
import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { emptyDocument, keystoreParameters, tenantParameters } from "../../fields.ts"
import { type Answer, document, lines } from "../../pipeline/answer.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { keystoreProblems } from "../keystore-problems.ts"
import { connectionStatusOf, setupMaterialOf, stepAnswer } from "./answers.ts"
import { connectionTestAnswer } from "./connection-step.ts"
import { activationAnswer, keystoreDocument, setupMaterialAnswer } from "./schemas.ts"

/** A connection test ends within its budget under any fault; the rest is for the host's own part. */
const testTimeoutMs = timeBudgets.connectionTestRequest.limitMs

const testResponse = {
  status: 200,
  description: "The test has run; `status` says whether the connection works",
  schema: connectionTestAnswer,
  lines: 'Each step as it ends, then one line `{"status": ...}`',
} as const

/** Tests an unsaved configuration. */
export const testUnsavedKeystore = defineRoute({
  method: "post",
  path: "/v1/tenants/{tenant_id}/keystores/test",
  summary: "Test a keystore without saving it",
  permission: "keystores.write",
  params: tenantParameters,
  query: none,
  body: keystoreDocument,
  response: testResponse,
  problems: ["PLUGIN_TYPE_UNKNOWN", "CONFIGURATION_INVALID"],
  timeoutMs: testTimeoutMs,
  handler: async ({ params, body, wantsLines, call, services }) =>
    testAnswer(services.keystores.test(params.tenant_id, { document: body }, call), wantsLines),
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
  response: testResponse,
  problems: ["KEYSTORE_NOT_FOUND"],
  timeoutMs: testTimeoutMs,
  handler: async ({ params, wantsLines, call, services }) =>
    testAnswer(services.keystores.test(params.tenant_id, { keystoreId: params.keystore_id }, call), wantsLines),
})

async function testAnswer(
  steps: AsyncIterable<ConnectionStep>,
  wantsLines: boolean,
): Promise<Answer<z.input<typeof connectionTestAnswer>>> {
  if (wantsLines) return lines(stepLines(steps))
  const seen: ConnectionStep[] = []
  for await (const step of steps) seen.push(step)
  return document({ status: connectionStatusOf(seen), steps: seen.map(stepAnswer) })
}

async function* stepLines(steps: AsyncIterable<ConnectionStep>): AsyncGenerator<string> {
  const seen: ConnectionStep[] = []
  for await (const step of steps) {
    seen.push(step)
    yield JSON.stringify(stepAnswer(step))
  }
  yield JSON.stringify({ status: connectionStatusOf(seen) })
}

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
  timeoutMs: testTimeoutMs,
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
