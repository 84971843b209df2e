import { type AuditEvent, type AuditRecorder, platformTenantId } from "@apeiro-cmk/audit-log"
import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import type { RequestFacts } from "../http/request-facts.ts"
import { auditActor, type Principal } from "./principal.ts"

/** Refusals of one caller that get an audit entry each, per minute. */
export const refusalsRecordedPerMinute = 60

const minuteMs = 60_000

/** A refused request. */
export interface Refusal {
  readonly principal: Principal
  readonly code: "UNAUTHENTICATED" | "FORBIDDEN"
  /** Method and path template, e.g. `GET /v1/tenants/{tenant_id}`. */
  readonly route: string
  /** The tenant that the request named, where that is a possible id. */
  readonly tenantId?: string
  readonly facts: RequestFacts
}

/**
 * Records refused requests: in the log of the token's own tenant, or in the platform's log for callers without a token,
 * who count as one caller.
 *
 * The first {@link refusalsRecordedPerMinute} refusals of a caller in a minute have an entry each, durable before the
 * reply. What comes beyond is counted, and one entry tells the count when the minute is over: nobody can make a log
 * grow without limit by being refused.
 */
export interface RefusalRecorder {
  /** @throws {AuditError} AUDIT_UNAVAILABLE */
  record(refusal: Refusal): Promise<void>
  /** Records the counts of the minutes that are under way. */
  close(): Promise<void>
}

interface Minute {
  readonly startedAtMs: number
  readonly first: Refusal
  count: number
  readonly cancelEnd: () => void
}

/** Makes a {@link RefusalRecorder}. */
export function createRefusalRecorder(audit: AuditRecorder, clock: Clock, logger: Logger): RefusalRecorder {
  const minutes = new Map<string, Minute>()

  const end = async (caller: string, minute: Minute) => {
    minute.cancelEnd()
    minutes.delete(caller)
    const beyond = minute.count - refusalsRecordedPerMinute
    if (beyond <= 0) return
    const since = new Date(minute.startedAtMs).toISOString()
    const event = {
      ...common(minute.first),
      resource: { type: "route", id: "*" },
      facts: { requests: beyond, since },
    } as const
    await audit.record(event).catch((error: unknown) => {
      logger.error("the count of refused requests could not be recorded", {
        caller,
        requests: beyond,
        reason: String(error),
      })
    })
  }

  const begin = (caller: string, first: Refusal): Minute => {
    const cancelEnd = clock.after(minuteMs, () => void end(caller, minute))
    const minute: Minute = { startedAtMs: clock.nowMs(), first, count: 0, cancelEnd }
    minutes.set(caller, minute)
    return minute
  }

  return {
    record: async (refusal) => {
      const caller = auditActor(refusal.principal).id
      const minute = minutes.get(caller) ?? begin(caller, refusal)
      minute.count++
      if (minute.count <= refusalsRecordedPerMinute) await audit.record(single(refusal))
    },
    close: async () => {
      await Promise.all([...minutes].map(([caller, minute]) => end(caller, minute)))
    },
  }
}

function single(refusal: Refusal): AuditEvent {
  const { requestId, traceparent } = refusal.facts
  return {
    ...common(refusal),
    resource: { type: "route", id: refusal.route },
    requestId,
    ...(traceparent === undefined ? {} : { traceId: traceparent.slice(3, 35) }),
    ...(refusal.tenantId === undefined ? {} : { facts: { tenant: refusal.tenantId } }),
  }
}

function common({
  principal,
  code,
}: Refusal): Pick<AuditEvent, "tenantId" | "actor" | "action" | "outcome" | "code" | "origin"> {
  return {
    tenantId: principal.type === "token" ? principal.tenantId : platformTenantId,
    actor: auditActor(principal),
    action: code === "FORBIDDEN" ? "unauthorizedRequest" : "unauthenticatedRequest",
    outcome: "failure",
    code,
    origin: "caller",
  }
}
