import { type KeystoreRecord, redactedConfiguration } from "@apeiro-cmk/keystore-manager"
import type { ConnectionStep, SetupDocument } from "@apeiro-cmk/plugin-interface"
import type * as z from "zod"
import { momentOf } from "../../fields.ts"
import type { connectionStatus, connectionStep } from "./connection-step.ts"
import type { keystoreAnswer, setupMaterialAnswer } from "./schemas.ts"

/** Writes a stored keystore as the API shows it. */
export function keystoreAnswerOf(record: KeystoreRecord): z.input<typeof keystoreAnswer> {
  return {
    plugin_type: record.pluginType,
    plugin_name: record.keystoreId,
    plugin_status: record.state,
    configuration: { ...redactedConfiguration(record) },
    ...(record.keyIdentity === undefined ? {} : { l1_key_identity: record.keyIdentity }),
    revision: record.revision,
    created_at: momentOf(record.createdAtMs),
    updated_at: momentOf(record.updatedAtMs),
  }
}

/** Writes a step of a connection test as the API shows it. */
export function stepAnswer(step: ConnectionStep): z.output<typeof connectionStep> {
  return {
    name: step.name,
    outcome: step.outcome,
    duration_ms: Math.round(step.durationMs * 100) / 100,
    message: step.message,
    ...(step.nextStep === undefined ? {} : { next_step: step.nextStep }),
    ...(step.code === undefined ? {} : { code: step.code }),
    ...(step.facts === undefined ? {} : { facts: { ...step.facts } }),
  }
}

/** Writes set-up documents as the API shows them. */
export function setupMaterialOf(documents: readonly SetupDocument[]): z.input<typeof setupMaterialAnswer> {
  return {
    documents: documents.map(({ title, fileName, language, text }) => ({ title, file_name: fileName, language, text })),
  }
}

/** Decides the outcome of a connection test: successful when it has steps and none failed. */
export function connectionStatusOf(
  steps: readonly Pick<ConnectionStep, "outcome">[],
): z.infer<typeof connectionStatus> {
  return steps.length > 0 && steps.every((step) => step.outcome !== "failed")
    ? "connection_successful"
    : "connection_failed"
}
