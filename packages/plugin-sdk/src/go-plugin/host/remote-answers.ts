import type {
  ConnectionStep,
  ImportParameters,
  KeyDescription,
  KeyVersionDescription,
  Principal,
  ProbeResult,
  ResourceChange,
  ResourceVerdict,
  SetupDocument,
  WorkloadIdentity,
} from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { pluginError } from "../../error-facts.ts"

const known = z.union([z.string(), z.literal("unknown")])
const keyDescription = z.object({
  key: z.object({ keyId: z.string() }),
  identity: z.string(),
  state: z.enum(["ENABLED", "DISABLED", "PENDING_IMPORT", "PENDING_DELETION", "UNKNOWN"]),
  algorithm: known,
  exportable: z.union([z.boolean(), z.literal("unknown")]),
  latestVersion: known,
  latestVersionCreatedAtMs: z.number().optional(),
  warnings: z.array(z.string()),
})
const keyVersions = z.array(z.object({ versionId: z.string(), createdAtMs: z.number(), status: z.string() }))
const importParameters = z.object({
  publicKey: z.string(),
  wrappingAlgorithm: z.enum(["CKM_RSA_PKCS_OAEP", "CKM_RSA_AES_KEY_WRAP"]),
  hashFunction: z.enum(["SHA1", "SHA256"]),
  providerParams: z.string(),
  validToMs: z.number().optional(),
})
const probeResult = z.object({ latencyMs: z.number() })
const connectionStep = z.object({
  name: z.string(),
  outcome: z.enum(["passed", "warned", "failed", "skipped"]),
  durationMs: z.number(),
  message: z.string(),
  nextStep: z.string().optional(),
  code: z.string().optional(),
  facts: z.record(z.string(), z.json()).optional(),
})

const setupDocuments = z.array(
  z.object({ title: z.string(), fileName: z.string(), language: z.string(), text: z.string() }),
)
const principal = z.object({
  subject: z.string(),
  issuer: z.string(),
  groups: z.array(z.string()),
  displayName: z.string().optional(),
})
const workload = z.object({ spiffeId: z.string(), tenantId: z.string() })
const resource = z.record(z.string(), z.json())
const resourceChange = z.object({ type: z.enum(["added", "modified", "deleted"]), resource })
const resourceVerdict = z.object({ accepted: z.boolean(), reason: z.string(), message: z.string() })

/** The answers of a plugin that is another process: JSON, and believed only after a look. */
export const remoteAnswers = {
  keyDescription: (json: string): KeyDescription => parsed(keyDescription, json),
  keyVersions: (json: string): readonly KeyVersionDescription[] => parsed(keyVersions, json),
  importParameters: (json: string): ImportParameters => parsed(importParameters, json),
  probeResult: (json: string): ProbeResult => parsed(probeResult, json),
  connectionStep: (json: string): ConnectionStep => parsed(connectionStep, json),
  setupDocuments: (json: string): readonly SetupDocument[] => parsed(setupDocuments, json),
  principal: (json: string): Principal => parsed(principal, json),
  workload: (json: string): WorkloadIdentity => parsed(workload, json),
  permissions: (json: string): readonly string[] => parsed(z.array(z.string()), json),
  certificateChain: (json: string): string => parsed(z.string(), json),
  resourceVerdict: (json: string): ResourceVerdict => parsed(resourceVerdict, json),
  resourceChange: (json: string): ResourceChange => parsed(resourceChange, json),
}

/** What is left out is not there at all, as the interface's exact types want it. */
function parsed<Schema extends z.ZodType, Wanted>(schema: Schema, json: string): Wanted {
  try {
    return schema.parse(JSON.parse(json)) as Wanted
  } catch {
    const next = "Use the version of the plugin that its package says, or report this to its maintainers."
    throw pluginError("INTERNAL", "The plugin's answer is not what the interface says.", next, { origin: "plugin" })
  }
}
