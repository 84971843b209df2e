import { type AuditEvent, platformTenantId } from "@apeiro-cmk/audit-log"
import { eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import { stepError } from "@apeiro-cmk/keystore-manager"
import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import type { ApiServices } from "../../api-services.ts"
import {
  connectionTestAnswerOf,
  connectionTestResponse,
  connectionTestTimeoutMs,
  connectionTestUnits,
} from "../../connection-test/answers.ts"
import { emptyDocument } from "../../fields.ts"
import { document } from "../../pipeline/answer.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { setupMaterialOf } from "../../setup-material/answers.ts"
import { setupMaterialAnswer } from "../../setup-material/schemas.ts"
import { pluginParameters } from "./schemas.ts"

/** Tests the connection of a plugin that the operator configures once. */
export const testPlugin = defineRoute({
  method: "post",
  path: "/v1/plugins/{name}/test",
  summary: "Test a plugin's connection to its backend",
  description:
    "For plugins that the operator configures once, in the profile. Keystores are tested one by one: " +
    "`POST /v1/tenants/{tenant_id}/keystores/{keystore_id}/test`.",
  permission: "platform.administer",
  params: pluginParameters,
  query: none,
  body: emptyDocument,
  response: connectionTestResponse,
  problems: ["NOT_FOUND", "UNSUPPORTED", "UNREACHABLE"],
  timeoutMs: connectionTestTimeoutMs,
  workUnits: () => connectionTestUnits,
  handler: async ({ params, wantsLines, call, services }) =>
    connectionTestAnswerOf(audited(services, params.name, call), wantsLines),
})

/** Returns the set-up documents of a plugin that the operator configures once. */
export const pluginSetupMaterial = defineRoute({
  method: "get",
  path: "/v1/plugins/{name}/setup-material",
  summary: "Get documents for the administrator of a plugin's backend: policies, commands",
  permission: "platform.read",
  params: pluginParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The documents", schema: setupMaterialAnswer },
  problems: ["NOT_FOUND", "UNSUPPORTED", "UNREACHABLE"],
  handler: async ({ params, call, services }) =>
    document(setupMaterialOf(await services.catalog.setupMaterial(params.name, call))),
})

/** Records the test in the platform's audit log before its status is answered; leaving early is recorded, too. */
async function* audited({ catalog, audit }: ApiServices, name: string, call: HostCall): AsyncGenerator<ConnectionStep> {
  const event = {
    ...eventOf("pluginTest", platformTenantId, call),
    resource: { type: "plugin", id: name },
  } as const satisfies Partial<AuditEvent>
  const outcomes: Record<string, string> = {}
  let outcome: Pick<AuditEvent, "outcome" | "code" | "origin"> = {
    outcome: "failure",
    code: "CANCELLED",
    origin: "caller",
  }
  try {
    let failure: ConnectionStep | undefined
    for await (const step of catalog.testConnection(name, call)) {
      outcomes[step.name] = step.outcome
      if (step.outcome === "failed") failure ??= step
      yield step
    }
    if (failure !== undefined) outcome = failureOf(stepError(failure))
    else if (Object.keys(outcomes).length > 0) outcome = { outcome: "success" }
    else outcome = { outcome: "failure", code: "BAD_RESPONSE", origin: "plugin" }
  } catch (error) {
    outcome = failureOf(error)
    throw error
  } finally {
    await audit.record({ ...event, ...outcome, facts: { steps: outcomes } })
  }
}
