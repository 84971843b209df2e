import { readFile } from "node:fs/promises"
import * as z from "zod"

const auditEntry = z.object({
  time: z.string(),
  type: z.enum(["request", "response"]),
  error: z.string().optional(),
  auth: z.object({ display_name: z.string().optional(), policies: z.array(z.string()).optional() }).optional(),
  request: z.object({
    id: z.string(),
    operation: z.string().optional(),
    path: z.string(),
    data: z.record(z.string(), z.unknown()).nullish(),
  }),
})

/** One entry of OpenBao's own audit file. Values that the server considers secret appear as HMACs. */
export type OpenBaoAuditEntry = z.infer<typeof auditEntry>

/** Reads all entries of an audit file, oldest first. */
export async function readAuditFile(path: string): Promise<readonly OpenBaoAuditEntry[]> {
  const text = await readFile(path, "utf8")
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => auditEntry.parse(JSON.parse(line)))
}
