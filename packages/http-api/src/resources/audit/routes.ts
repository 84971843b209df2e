import { exportLines, platformTenantId, readAuditLogPage } from "@apeiro-cmk/audit-log"
import * as z from "zod"
import type { ApiServices } from "../../api-services.ts"
import { momentOf, tenantParameters } from "../../fields.ts"
import { type Answer, document, lines } from "../../pipeline/answer.ts"
import { nextLink, pageHeaders, positionOf } from "../../pipeline/paging.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { auditEntriesAnswer, auditIndex, auditQuery } from "./schemas.ts"

/** Work of each entry that is read, and of an export of some ten thousand, in data keys that would take as long. */
const entryUnits = 0.04
const exportUnits = 200

const eventDocument = z.record(z.string(), z.unknown())

async function entriesOf(
  services: ApiServices,
  tenantId: string,
  { from, limit, cursor }: z.output<typeof auditQuery>,
): Promise<Answer<z.input<typeof auditEntriesAnswer>>> {
  const start = cursor === undefined ? from : positionOf(cursor, auditIndex)
  const page = await readAuditLogPage(services.auditLog, tenantId, start, limit)
  const body = {
    ...page,
    entries: page.entries.map((entry) => ({
      index: entry.index,
      entry_id: entry.entryId,
      recorded_at: momentOf(entry.recordedAtMs),
      event: eventDocument.parse(JSON.parse(Buffer.from(entry.leaf).toString("utf8"))),
    })),
  }
  return document(body, page.next < page.size ? nextLink(limit, page.next) : {})
}

const entriesResponse = {
  status: 200,
  description: "Entries from `from` on, oldest first",
  schema: auditEntriesAnswer,
  headers: pageHeaders,
} as const
const exportResponse = {
  status: 200,
  description: "The log",
  lines: "Each leaf, then size and root; `apeiro-cmk audit verify` checks them",
} as const

/** Reads a tenant's audit log. */
export const auditEntries = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/audit/entries",
  summary: "Read the audit log",
  permission: "audit.read",
  params: tenantParameters,
  query: auditQuery,
  body: none,
  response: entriesResponse,
  problems: [],
  workUnits: ({ query }) => query.limit * entryUnits,
  handler: async ({ params, query, services }) => entriesOf(services, params.tenant_id, query),
})

/** Exports a tenant's audit log for an offline check. */
export const auditExport = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}/audit/export",
  summary: "Export the audit log",
  permission: "audit.read",
  params: tenantParameters,
  query: none,
  body: none,
  response: exportResponse,
  problems: [],
  workUnits: () => exportUnits,
  handler: async ({ params, services }) => lines(exportLines(params.tenant_id, services.auditLog)),
})

/** Reads the log of events without a tenant: starts, stops, requests without a valid token. */
export const platformAuditEntries = defineRoute({
  method: "get",
  path: "/v1/platform/audit/entries",
  summary: "Read the platform's audit log",
  permission: "platform.read",
  params: none,
  query: auditQuery,
  body: none,
  response: entriesResponse,
  problems: [],
  workUnits: ({ query }) => query.limit * entryUnits,
  handler: async ({ query, services }) => entriesOf(services, platformTenantId, query),
})

/** Exports the platform's audit log. */
export const platformAuditExport = defineRoute({
  method: "get",
  path: "/v1/platform/audit/export",
  summary: "Export the platform's audit log",
  permission: "platform.read",
  params: none,
  query: none,
  body: none,
  response: exportResponse,
  problems: [],
  workUnits: () => exportUnits,
  handler: async ({ services }) => lines(exportLines(platformTenantId, services.auditLog)),
})
