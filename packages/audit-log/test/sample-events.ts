import type { AuditEvent } from "../src/index.ts"

export function sampleEvent(overrides: Partial<AuditEvent> = {}): AuditEvent {
  return {
    tenantId: "acme",
    actor: { type: "token", id: "019ab3c4-0000-7000-8000-000000000001" },
    action: "dataKeyGenerate",
    resource: { type: "serviceKey", id: "orders", version: "1" },
    outcome: "success",
    ...overrides,
  }
}

/** An event with every optional member. */
export const fullEvent: AuditEvent = sampleEvent({
  action: "tenantKeyUnwrap",
  resource: { type: "tenantKey", id: "019ab3c4-0000-7000-8000-000000000002", version: "3" },
  outcome: "failure",
  code: "DENIED",
  origin: "backend",
  keystoreId: "openbao_cluster_production",
  requestId: "request-1",
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  backendRequestId: "b1",
  facts: { step: "decrypt", tried: 1, ünï: [true, null, { nested: 0.5 }] },
})
