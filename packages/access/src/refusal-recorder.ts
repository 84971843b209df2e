import { type AuditEvent, type AuditRecorder, platformTenantId } from "@apeiro-cmk/audit-log"
import { traceOf } from "@apeiro-cmk/host-call"
import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import { auditActor, type Caller } from "./principal.ts"

/** Refusals of one caller that get an audit entry each, per minute. */
export const refusalsRecordedPerMinute = 60

const minuteMs = 60_000

/** A refused request. */
export interface Refusal {
  readonly caller: Caller
  readonly code: "UNAUTHENTICATED" | "FORBIDDEN"
  /** Operation that was asked for, e.g. `GET /v1/tenants/{tenant_id}`. */
  readonly route: string
  /** Tenant that the request named, if its id is well-formed. */
  readonly tenantId?: string
  readonly requestId: string
  /** W3C trace context of the request. */
  readonly traceparent?: string
}

interface Minute {
  readonly startedAtMs: number
  readonly first: Refusal
  count: number
  readonly cancelEnd: () => void
}

/**
 * Records refused requests: in the log of the token's own tenant, or in the platform's log for callers without a token,
 * who count as one caller.
 *
 * Each of the first {@link refusalsRecordedPerMinute} refusals of a caller in a minute has an entry of its own, durable
 * before the reply. Further ones are counted, and one entry states the count when the minute is over: nobody can make a log
 * grow without limit by being refused.
 */
export class RefusalRecorder {
  readonly #audit: Pick<AuditRecorder, "record">
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #minutes = new Map<string, Minute>()

  constructor(audit: Pick<AuditRecorder, "record">, clock: Clock, logger: Logger) {
    this.#audit = audit
    this.#clock = clock
    this.#logger = logger
  }

  /**
   * Records one refusal, or counts it.
   * @throws {AuditError} AUDIT_UNAVAILABLE - the entry could not be made durable
   */
  async record(refusal: Refusal): Promise<void> {
    const id = auditActor(refusal.caller).id
    const minute = this.#minutes.get(id) ?? this.#begin(id, refusal)
    minute.count++
    if (minute.count <= refusalsRecordedPerMinute) await this.#audit.record(eventOf(refusal))
  }

  /** Records the counts of the minutes that have begun. */
  async close(): Promise<void> {
    await Promise.all([...this.#minutes].map(([id, minute]) => this.#end(id, minute)))
  }

  #begin(id: string, first: Refusal): Minute {
    const cancelEnd = this.#clock.after(minuteMs, () => void this.#end(id, minute))
    const minute: Minute = { startedAtMs: this.#clock.nowMs(), first, count: 0, cancelEnd }
    this.#minutes.set(id, minute)
    return minute
  }

  async #end(id: string, minute: Minute): Promise<void> {
    minute.cancelEnd()
    this.#minutes.delete(id)
    const requests = minute.count - refusalsRecordedPerMinute
    if (requests <= 0) return
    const facts = { requests, since: new Date(minute.startedAtMs).toISOString() }
    const resource = { type: "route", id: "*" } as const
    await this.#audit.record({ ...commonPart(minute.first), resource, facts }).catch((error: unknown) => {
      const reason = String(error)
      this.#logger.error("the count of refused requests could not be recorded", { caller: id, requests, reason })
    })
  }
}

function eventOf(refusal: Refusal): AuditEvent {
  const { route, requestId, tenantId } = refusal
  return {
    ...commonPart(refusal),
    resource: { type: "route", id: route },
    requestId,
    ...traceOf(refusal),
    ...(tenantId === undefined ? {} : { facts: { tenant: tenantId } }),
  }
}

function commonPart({
  caller,
  code,
}: Refusal): Pick<AuditEvent, "tenantId" | "actor" | "action" | "outcome" | "code" | "origin"> {
  return {
    tenantId: caller.type === "token" ? caller.tenantId : platformTenantId,
    actor: auditActor(caller),
    action: code === "FORBIDDEN" ? "unauthorizedRequest" : "unauthenticatedRequest",
    outcome: "failure",
    code,
    origin: "caller",
  }
}
