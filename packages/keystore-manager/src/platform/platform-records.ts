import type { AuditActor, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { Page } from "@apeiro-cmk/host-call"
import type { ErrorOrigin, KeystoreConfigurationDocument } from "@apeiro-cmk/plugin-interface"

/**
 * State of a platform keystore: `pending` until it is made, then `ready`; `failed` when it could not be made; `removing`
 * until it is gone.
 */
export type PlatformKeystoreState = "pending" | "ready" | "failed" | "removing"

/** Reason why the last attempt failed. */
export interface PlatformKeystoreFailure {
  readonly code: string
  readonly origin: ErrorOrigin
  readonly message: string
  readonly nextStep: string
}

/** A keystore that the platform makes for a tenant on its own server, as it is stored. */
export interface PlatformKeystoreRecord {
  readonly tenantId: string
  /** Id of the tenant's keystore once it is ready. */
  readonly keystoreId: string
  readonly pluginType: string
  readonly state: PlatformKeystoreState
  /** Configuration that reaches it on the server, without secrets; absent until the server has it. */
  readonly configuration?: KeystoreConfigurationDocument
  /** Absent when the last attempt succeeded, or has not run yet. */
  readonly failure?: PlatformKeystoreFailure
  /** Who requested it, or last its removal. */
  readonly requestedBy: AuditActor
  readonly requestedAtMs: number
  readonly updatedAtMs: number
}

/** Names one platform keystore. */
export type PlatformKeystoreTarget = Pick<PlatformKeystoreRecord, "tenantId" | "keystoreId">

/** Changes that a step of the work makes. A member that is left out stays, except `failure`, which is then removed. */
export type PlatformKeystoreChange = Pick<PlatformKeystoreRecord, "state" | "failure" | "updatedAtMs"> &
  Partial<Pick<PlatformKeystoreRecord, "configuration" | "requestedBy">>

/** Names what the removal of a platform keystore destroys: every key of the plugin type whose identity begins so. */
export interface PlatformKeystoreRemoval {
  readonly pluginType: string
  readonly identityPrefix: string
}

/** Codes of the errors with which {@link PlatformKeystoreRepository} refuses a request. */
export type PlatformStorageErrorCode = "ALREADY_EXISTS" | "NOT_FOUND" | "STILL_IN_USE"

/** Stores and reads platform keystores. Persistence implements it; a write and its audit entries are one transaction. */
export interface PlatformKeystoreRepository {
  /** Reads one. */
  platformKeystore(target: PlatformKeystoreTarget): Promise<PlatformKeystoreRecord | undefined>
  /** Lists them by tenant and id. */
  platformKeystores(
    page: Page<readonly [tenantId: string, keystoreId: string]>,
  ): Promise<readonly PlatformKeystoreRecord[]>
  /**
   * Stores a new one, which may replace one that failed.
   * @throws {CodedError} ALREADY_EXISTS - one exists, and it has not failed
   * @throws {CodedError} NOT_FOUND - there is no such tenant
   */
  insertPlatformKeystore(record: PlatformKeystoreRecord, audit: readonly PreparedAuditEntry[]): Promise<void>
  /** Changes one. @returns false, and does nothing, when it is not in the state `from`, or does not exist */
  changePlatformKeystore(
    target: PlatformKeystoreTarget,
    from: PlatformKeystoreState,
    change: PlatformKeystoreChange,
    audit: readonly PreparedAuditEntry[],
  ): Promise<boolean>
  /**
   * Changes one to `removing`, and holds the keys that its removal destroys: none of them can be claimed until
   * {@link deletePlatformKeystore}. May be called again while it is being removed.
   * @returns false, and does nothing, when it is not in the state `from`, or does not exist
   * @throws {CodedError} STILL_IN_USE - one of the keys is claimed, or wraps a tenant key; nothing has changed
   */
  beginPlatformKeystoreRemoval(
    target: PlatformKeystoreTarget,
    from: PlatformKeystoreState,
    removal: PlatformKeystoreRemoval,
    change: PlatformKeystoreChange & { readonly state: "removing" },
    audit: readonly PreparedAuditEntry[],
  ): Promise<boolean>
  /** Deletes one that is being removed. @returns false, and does nothing, when it is in another state, or does not exist */
  deletePlatformKeystore(
    target: PlatformKeystoreTarget,
    removal: PlatformKeystoreRemoval,
    audit: readonly PreparedAuditEntry[],
  ): Promise<boolean>
}
