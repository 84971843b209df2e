import type { AuditActor, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { ErrorOrigin, KeystoreConfigurationDocument } from "@apeiro-cmk/plugin-interface"

/**
 * What becomes of a platform keystore: `pending` until it is made, `failed` when it could not be, `removing` until it is
 * gone.
 */
export type PlatformKeystoreState = "pending" | "ready" | "failed" | "removing"

/** Why the last attempt failed. */
export interface PlatformKeystoreFailure {
  readonly code: string
  readonly origin: ErrorOrigin
  readonly message: string
  readonly nextStep: string
}

/** A keystore that the platform makes for a tenant on its own server, as it is stored. */
export interface PlatformKeystoreRecord {
  readonly tenantId: string
  /** Name of the tenant's keystore once it is ready. */
  readonly keystoreId: string
  readonly pluginType: string
  readonly state: PlatformKeystoreState
  /** Where it is on the server, without secrets; absent until the server has it. */
  readonly configuration?: KeystoreConfigurationDocument
  /** Absent when the last attempt succeeded, or is still to come. */
  readonly failure?: PlatformKeystoreFailure
  /** Who asked for it, or last for its removal. */
  readonly requestedBy: AuditActor
  readonly requestedAtMs: number
  readonly updatedAtMs: number
}

/** Which one. */
export type PlatformKeystoreTarget = Pick<PlatformKeystoreRecord, "tenantId" | "keystoreId">

/** What a step of the work changes; what is left out stays, but a failure that is left out is forgotten. */
export type PlatformKeystoreChange = Pick<PlatformKeystoreRecord, "state" | "failure" | "updatedAtMs"> &
  Partial<Pick<PlatformKeystoreRecord, "configuration" | "requestedBy">>

/** Platform keystores as they are stored; writes take their audit entries along into one transaction. */
export interface PlatformKeystoreRepository {
  platformKeystore(target: PlatformKeystoreTarget): Promise<PlatformKeystoreRecord | undefined>
  /** By tenant and id. */
  platformKeystores(): Promise<readonly PlatformKeystoreRecord[]>
  /**
   * Stores a new one, in the place of one that failed.
   * @throws {PersistenceError} ALREADY_EXISTS - there is one, and it has not failed
   * @throws {PersistenceError} NOT_FOUND - there is no such tenant
   */
  insertPlatformKeystore(record: PlatformKeystoreRecord, audit: readonly PreparedAuditEntry[]): Promise<void>
  /** @returns false, and nothing is done, when it is not in the state `from`, or not there */
  changePlatformKeystore(
    target: PlatformKeystoreTarget,
    from: PlatformKeystoreState,
    change: PlatformKeystoreChange,
    audit: readonly PreparedAuditEntry[],
  ): Promise<boolean>
  /** Forgets one that is being removed. @returns false, and nothing is done, when it is in another state, or not there */
  deletePlatformKeystore(target: PlatformKeystoreTarget, audit: readonly PreparedAuditEntry[]): Promise<boolean>
}
