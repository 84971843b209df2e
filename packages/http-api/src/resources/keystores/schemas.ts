import { type KeystoreRecord, redactedConfiguration } from "@apeiro-cmk/keystore-manager"
import type { ConnectionStep, SetupDocument } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { jsonValue, keystoreId, moment, momentOf } from "./common.ts"

const configuration = z
  .record(z.string(), jsonValue)
  .meta({ description: "The plugin's keystore configuration; `GET /v1/plugins` has its schema" })

/** What an administrator enters for a keystore (stories 1 to 4, step 2). */
export const keystoreDocument = z
  .strictObject({
    plugin_type: z
      .string()
      .min(1)
      .max(63)
      .meta({ description: "`plugin_type` of a loaded plugin", examples: ["openbao"] }),
    plugin_name: keystoreId,
    configuration,
  })
  .meta({ id: "KeystoreDocument" })

/** What may be changed of a keystore. */
export const keystoreChange = z
  .strictObject({
    plugin_type: z.string().optional().meta({ description: "As it is stored, where it is given" }),
    plugin_name: z.string().optional().meta({ description: "As it is stored, where it is given" }),
    configuration,
  })
  .meta({ id: "KeystoreChange" })

/** A keystore as it reads back: a secret shows only that it is set, and its version. */
export const keystoreAnswer = z
  .strictObject({
    plugin_type: z.string(),
    plugin_name: keystoreId,
    plugin_status: z.enum(["inactive", "active"]),
    configuration: z
      .record(z.string(), jsonValue)
      .meta({ description: 'A secret reads as `{"set": true, "version": n}`' }),
    l1_key_identity: z.string().optional().meta({ description: "What the server calls its L1 key, once claimed" }),
    revision: z.int().meta({ description: "Grows with each change" }),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: "Keystore" })

/** One step of a connection test. */
export const connectionStep = z
  .strictObject({
    name: z.string().meta({ examples: ["authentication"] }),
    outcome: z.enum(["passed", "warned", "failed", "skipped"]),
    duration_ms: z.number(),
    message: z.string(),
    next_step: z.string().optional(),
    code: z.string().optional(),
    facts: z.record(z.string(), jsonValue).optional(),
  })
  .meta({ id: "ConnectionStep" })

const connectionStatus = z.enum(["connection_successful", "connection_failed"])

/** Outcome of a connection test. As JSON lines: each step as it ends, then `{"status": ...}`. */
export const connectionTestAnswer = z
  .strictObject({ status: connectionStatus, steps: z.array(connectionStep) })
  .meta({ id: "ConnectionTest" })

/** What an activation answers: the four fields of the stories, and what the plugin saw. */
export const activationAnswer = z
  .looseObject({
    status: z.literal("connection_successful"),
    plugin_status: z.literal("active"),
    l1_key_location: z.string().meta({ description: "`plugin_type` of the keystore that holds the L1 key" }),
    key_operations_ready: z.literal(true),
  })
  .meta({ id: "Activation", description: "The fields beyond these four are the plugin's `activation_facts`" })

/** Documents with which the keystore's administrator prepares it. */
export const setupMaterialAnswer = z
  .strictObject({
    documents: z.array(
      z.strictObject({ title: z.string(), file_name: z.string(), language: z.string(), text: z.string() }),
    ),
  })
  .meta({ id: "SetupMaterial" })

/** What the last operations on a keystore were like. */
export const keystoreHealthAnswer = z
  .strictObject({
    plugin_name: keystoreId,
    plugin_type: z.string(),
    plugin_status: z.enum(["inactive", "active"]),
    health: z.enum(["healthy", "warning", "failing", "unknown"]).meta({
      description:
        "As this host sees it: `failing` after a failure; `warning` while it is slow (45 ms and more), has failed within the last minute, or has nearly used up its operations of the hour; `unknown` before the first call",
    }),
    average_latency_ms: z.number().optional().meta({ description: "Of successes, the last ones weighing most" }),
    operations: z
      .strictObject({
        this_hour: z.int().meta({
          description:
            "Of all hosts together; of each other host with what it holds in advance, at most a two-hundredth of the limit",
        }),
        limit: z.int(),
        next_hour_at: moment,
      })
      .optional()
      .meta({ description: "Absent where the keystore's configuration has no limit" }),
    last_operation: z
      .strictObject({
        outcome: z.enum(["success", "failure"]),
        code: z.string().optional(),
        origin: z.string().optional(),
        next_step: z.string().optional(),
        latency_ms: z.number(),
        at: moment,
      })
      .optional()
      .meta({ description: "Absent when this host has used the keystore for nothing yet" }),
  })
  .meta({ id: "KeystoreHealth" })

/** A stored keystore as the API writes it. */
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

/** A step as the API writes it. */
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

/** Set-up documents as the API writes them. */
export function setupMaterialOf(documents: readonly SetupDocument[]): z.input<typeof setupMaterialAnswer> {
  return {
    documents: documents.map(({ title, fileName, language, text }) => ({ title, file_name: fileName, language, text })),
  }
}

/** Successful when no step failed. */
export function connectionStatusOf(
  steps: readonly Pick<ConnectionStep, "outcome">[],
): z.infer<typeof connectionStatus> {
  return steps.length > 0 && steps.every((step) => step.outcome !== "failed")
    ? "connection_successful"
    : "connection_failed"
}
