import { rootHash } from "./merkle.ts"
import type { AuditLogRepository } from "./ports.ts"

const pageSize = 500

/**
 * Exports a tenant's log as lines of JSON, without line ends, as specified in docs/audit-format.md: the entries up to
 * the current head, then one line with size, root and tenant.
 *
 * It exports the stored log without checking it; {@link verifyExport} does that, on another machine.
 */
export async function* exportLines(tenantId: string, log: AuditLogRepository): AsyncIterable<string> {
  const head = await log.head(tenantId)
  let index = 0
  while (index < head.size) {
    const page = await log.entries(tenantId, index, Math.min(pageSize, head.size - index))
    if (page.length === 0) break
    for (const entry of page) yield JSON.stringify({ index: entry.index, leaf: base64(entry.leaf) })
    index += page.length
  }
  yield JSON.stringify({ size: head.size, root: base64(rootHash(head)), tenant: tenantId })
}

/** Standard base64 with padding, RFC 4648 section 4. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
}
