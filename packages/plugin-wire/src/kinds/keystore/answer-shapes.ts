import type { ImportParameters, KeyDescription, KeyVersionDescription, ProbeResult } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"

const known = z.union([z.string(), z.literal("unknown")])

/** Shape of a key's description, as it comes over the wire. */
export const keyDescriptionShape: z.ZodType<KeyDescription> = z.object({
  key: z.object({ keyId: z.string() }),
  identity: z.string(),
  state: z.enum(["ENABLED", "DISABLED", "PENDING_IMPORT", "PENDING_DELETION", "UNKNOWN"]),
  algorithm: known,
  exportable: z.union([z.boolean(), z.literal("unknown")]),
  latestVersion: known,
  latestVersionCreatedAtMs: z.number().exactOptional(),
  warnings: z.array(z.string()),
})

/** Shape of the versions of a key, as they come over the wire. */
export const keyVersionsShape: z.ZodType<readonly KeyVersionDescription[]> = z.array(
  z.object({ versionId: z.string(), createdAtMs: z.number(), status: z.string() }),
)

/** Shape of the parameters of an import, as they come over the wire. */
export const importParametersShape: z.ZodType<ImportParameters> = z.object({
  publicKey: z.string(),
  wrappingAlgorithm: z.enum(["CKM_RSA_PKCS_OAEP", "CKM_RSA_AES_KEY_WRAP"]),
  hashFunction: z.enum(["SHA1", "SHA256"]),
  providerParams: z.string(),
  validToMs: z.number().exactOptional(),
})

/** Shape of the result of a probe, as it comes over the wire. */
export const probeResultShape: z.ZodType<ProbeResult> = z.object({ latencyMs: z.number() })
