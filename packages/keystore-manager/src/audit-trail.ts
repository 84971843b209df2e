import type { AuditAction, AuditEvent, AuditRecorder, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import { type EventFailure, eventOf, failureOf, type HostCall } from "@apeiro-cmk/host-call"
import type { JsonValue } from "@apeiro-cmk/plugin-interface"

/** One act on a keystore, for the tenant's audit log. */
export interface KeystoreAct {
  readonly action: AuditAction
  readonly tenantId: string
  readonly keystoreId: string
  /** The revision that the act leads to, or is about. */
  readonly revision?: number
  /** Never a secret. */
  readonly facts?: Readonly<Record<string, JsonValue>>
}

/** Writes the audit entries of this package. */
export class AuditTrail {
  readonly #audit: AuditRecorder

  constructor(audit: AuditRecorder) {
    this.#audit = audit
  }

  /** Prepares the entry of an act that succeeds, for the transaction that does it. */
  success(act: KeystoreAct, call: HostCall): PreparedAuditEntry {
    return this.#audit.prepare(successOf(act, call))
  }

  /** Prepares the entry of a secret that a change adds or removes. */
  credential(
    action: "credentialCreate" | "credentialDelete",
    name: string,
    version: number,
    act: KeystoreAct,
    call: HostCall,
  ): PreparedAuditEntry {
    return this.#audit.prepare({
      ...successOf({ ...act, facts: {} }, call),
      action,
      resource: { type: "credential", id: `${act.keystoreId}/${name}`, version: String(version) },
    })
  }

  /** Records an outcome by itself. @throws {AuditError} AUDIT_UNAVAILABLE */
  async record(act: KeystoreAct, failure: EventFailure | undefined, call: HostCall): Promise<void> {
    await this.#audit.record({ ...successOf(act, call), ...failure })
  }

  /** Does the work; its failure is recorded before it is thrown. @throws {AuditError} AUDIT_UNAVAILABLE */
  async attempt<T>(act: KeystoreAct, call: HostCall, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      await this.record(act, failureOf(error), call)
      throw error
    }
  }
}

function successOf(act: KeystoreAct, call: HostCall): AuditEvent {
  const version = act.revision === undefined ? {} : { version: String(act.revision) }
  return {
    ...eventOf(act.action, act.tenantId, call),
    resource: { type: "keystore", id: act.keystoreId, ...version },
    outcome: "success",
    keystoreId: act.keystoreId,
    ...(act.facts === undefined ? {} : { facts: act.facts }),
  }
}
