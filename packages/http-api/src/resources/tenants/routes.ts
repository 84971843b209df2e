import type { TenantRecord } from "@apeiro-cmk/persistence"
import type * as z from "zod"
import { tenantNotFound } from "../../errors.ts"
import { momentOf, tenantId, tenantParameters } from "../../fields.ts"
import { created, document } from "../../pipeline/answer.ts"
import { defineList } from "../../pipeline/define-list.ts"
import { renamed } from "../../pipeline/renamed.ts"
import { defineRoute, none } from "../../pipeline/route.ts"
import { auditEventOf } from "../audit-event.ts"
import { tenantAnswer, tenantDocument, tenantList } from "./schemas.ts"

/** Writes a tenant as the API shows it. */
function tenantAnswerOf(tenant: TenantRecord): z.input<typeof tenantAnswer> {
  return {
    tenant_id: tenant.tenantId,
    display_name: tenant.displayName,
    state: tenant.state,
    custody: { mode: tenant.custodyMode, lease_ms: tenant.leaseMs, epoch: tenant.epoch },
    created_at: momentOf(tenant.createdAtMs),
  }
}

/** Adds a tenant. */
export const createTenant = defineRoute({
  method: "post",
  path: "/v1/tenants",
  summary: "Add a tenant",
  permission: "platform.administer",
  params: none,
  query: none,
  body: tenantDocument,
  response: { status: 201, description: "The new tenant", schema: tenantAnswer },
  problems: ["TENANT_EXISTS"],
  replay: (answer) => answer,
  handler: async ({ body, call, services }) => {
    const tenant: TenantRecord = {
      tenantId: body.tenant_id,
      displayName: body.display_name ?? body.tenant_id,
      createdAtMs: services.clock.nowMs(),
      custodyMode: body.custody_mode,
      leaseMs: body.lease_ms,
      epoch: 0,
      state: "active",
    }
    const event = auditEventOf(call, "tenantOnboarding", { type: "tenant", id: tenant.tenantId }, tenant.tenantId)
    const entry = services.audit.prepare({
      ...event,
      facts: { custody_mode: tenant.custodyMode, lease_ms: tenant.leaseMs },
    })
    const message = `The tenant ${tenant.tenantId} exists already.`
    await renamed({ ALREADY_EXISTS: { code: "TENANT_EXISTS", message } }, () =>
      services.tenants.insertTenant(tenant, [entry]),
    )
    return created(`/v1/tenants/${tenant.tenantId}`, tenantAnswerOf(tenant))
  },
})

/** Lists all tenants. */
export const listTenants = defineList({
  path: "/v1/tenants",
  summary: "List all tenants",
  permission: "platform.read",
  params: none,
  description: "Tenants, by id",
  schema: tenantList,
  position: tenantId,
  read: (page, _params, services) => services.tenants.tenants(page),
  positionOf: (tenant) => tenant.tenantId,
  answer: (tenants) => ({ tenants: tenants.map(tenantAnswerOf) }),
})

/** Shows one tenant. */
export const getTenant = defineRoute({
  method: "get",
  path: "/v1/tenants/{tenant_id}",
  summary: "Show a tenant with its custody",
  permission: "tenant.read",
  params: tenantParameters,
  query: none,
  body: none,
  response: { status: 200, description: "The tenant", schema: tenantAnswer },
  problems: [],
  handler: async ({ params, services }) => {
    const tenant = await services.tenants.tenant(params.tenant_id)
    if (tenant === undefined) throw tenantNotFound(params.tenant_id)
    return document(tenantAnswerOf(tenant))
  },
})
