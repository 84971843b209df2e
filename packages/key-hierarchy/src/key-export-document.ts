import { shownText } from "@apeiro-cmk/plugin-sdk"
import * as z from "zod"
import { KeyHierarchyError } from "./error.ts"

/** Value of `format` in every key export. */
export const keyExportFormat = "apeiro-cmk/key-export/v1"

/** Longest part of a message that the document decides, in characters. */
const longestFault = 200

const id = z.string().min(1).max(64)
const version = z.int().min(1).max(0xffff_ffff)
const state = z.enum(["PreActive", "Active", "Suspended", "Deactivated", "Compromised", "Destroyed"])

const keyExport = z.strictObject({
  format: z.literal(keyExportFormat),
  tenant_id: id,
  exported_at: z.iso.datetime(),
  tenant_keys: z.array(
    z.strictObject({
      key_id: id,
      version,
      state,
      commitment: z.base64(),
      wraps: z.array(
        z.strictObject({
          keystore_id: z.string(),
          l1_key_id: z.string(),
          l1_key_identity: z.string(),
          l1_key_version: z.string(),
          ciphertext: z.base64(),
          state: z.enum(["good", "quarantined"]),
        }),
      ),
    }),
  ),
  service_keys: z.array(
    z.strictObject({
      service_key_id: id,
      name: z.string(),
      version,
      state,
      parent_key_id: id,
      parent_key_version: version,
      envelope: z.base64(),
    }),
  ),
})

/** A key export, as JSON. Its fields are specified in docs/envelope.md. */
export type KeyExport = z.infer<typeof keyExport>

/**
 * Reads a key export from parsed JSON.
 * @throws {KeyHierarchyError} KEY_EXPORT_INVALID - the message names the first field that is wrong
 */
export function parseKeyExport(document: unknown): KeyExport {
  const parsed = keyExport.safeParse(document)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue === undefined || issue.path.length === 0 ? "the document" : issue.path.join(".")
  const fault = shownText(issue?.message ?? "invalid", longestFault)
  throw new KeyHierarchyError(
    "KEY_EXPORT_INVALID",
    `Not a valid key export: ${shownText(where, longestFault)}: ${fault}`,
    {
      origin: "caller",
      retryable: false,
      nextStep: "Use the file exactly as `apeiro-cmk tenant export-keys` wrote it.",
    },
  )
}
