import type { AuditAction, AuditEvent, AuditRecorder, HostCall, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import { isCodedError, type JsonValue } from "@apeiro-cmk/plugin-interface"

/** What is done to a keystore, for the tenant's audit log. */
export interface KeystoreAct {
  readonly action: AuditAction
  readonly tenantId: string
  readonly keystoreId: string
  /** The revision that the act leads to or is about. */
  readonly revision?: number
  /** Never a secret. */
  readonly facts?: Readonly<Record<string, JsonValue>>
}

/** The audit entries of this package. */
export interface AuditTrail {
  /** The entry of an act that succeeds, for the transaction that does it. */
  success(act: KeystoreAct, call: HostCall): PreparedAuditEntry
  /** The entry of a secret that comes or goes with a change. */
  credential(
    action: "credentialCreate" | "credentialDelete",
    name: string,
    version: number,
    act: KeystoreAct,
    call: HostCall,
  ): PreparedAuditEntry
  /** Records an outcome by itself. @throws {AuditError} AUDIT_UNAVAILABLE */
  record(
    act: KeystoreAct,
    failure: { readonly code: string; readonly error?: unknown } | undefined,
    call: HostCall,
  ): Promise<void>
  /** Does the work; its failure is recorded before it is thrown. @throws {AuditError} AUDIT_UNAVAILABLE */
  attempt<T>(act: KeystoreAct, call: HostCall, work: () => Promise<T>): Promise<T>
}

export function createAuditTrail(audit: AuditRecorder): AuditTrail {
  const record: AuditTrail["record"] = async (act, failure, call) => {
    await audit.record({ ...eventOf(act, call), ...outcomeOf(failure) })
  }
  return {
    record,
    success: (act, call) => audit.prepare(eventOf(act, call)),
    credential: (action, name, version, act, call) =>
      audit.prepare({
        ...eventOf({ ...act, facts: {} }, call),
        action,
        resource: { type: "credential", id: `${act.keystoreId}/${name}`, version: String(version) },
      }),
    async attempt(act, call, work) {
      try {
        return await work()
      } catch (error) {
        await record(act, { code: isCodedError(error) ? error.code : "INTERNAL", error }, call)
        throw error
      }
    },
  }
}

function eventOf(act: KeystoreAct, call: HostCall): AuditEvent {
  const traceId = /^00-([0-9a-f]{32})-/.exec(call.traceparent ?? "")?.[1]
  return {
    tenantId: act.tenantId,
    actor: call.actor,
    action: act.action,
    resource: {
      type: "keystore",
      id: act.keystoreId,
      ...(act.revision === undefined ? {} : { version: String(act.revision) }),
    },
    outcome: "success",
    keystoreId: act.keystoreId,
    requestId: call.requestId,
    ...(traceId === undefined ? {} : { traceId }),
    ...(act.facts === undefined ? {} : { facts: act.facts }),
  }
}

function outcomeOf(failure: { readonly code: string; readonly error?: unknown } | undefined): Partial<AuditEvent> {
  if (failure === undefined) return {}
  const { code, error } = failure
  return { outcome: "failure", code, origin: isCodedError(error) ? error.origin : "host" }
}
