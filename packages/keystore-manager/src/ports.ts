import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { CredentialReference, SealedCredential } from "@apeiro-cmk/credential-store"
import type { Page } from "@apeiro-cmk/host-call"
import type { PreparedTenantKey } from "@apeiro-cmk/key-hierarchy"
import type { KeystorePluginV1, PluginDefinition, SecretHandle } from "@apeiro-cmk/plugin-interface"
import type { KeystoreTarget } from "./keystore-target.ts"
import type { KeystoreRecord, KeystoreRevision, KeystoreSummary } from "./records.ts"

/** A running keystore plugin. */
export interface RunningKeystorePlugin {
  readonly definition: PluginDefinition<"keystore">
  readonly instance: KeystorePluginV1
}

/** Finds the running keystore plugins by the `plugin_type` of their manifests. The host runtime implements it. */
export interface KeystorePluginCatalog {
  /** Looks up a running plugin. */
  keystorePlugin(pluginType: string): RunningKeystorePlugin | undefined
  /** Lists the known types. */
  keystorePluginTypes(): readonly string[]
}

/** Seals and reads secrets. The credential store implements it. */
export interface CredentialPort {
  /** Seals a secret; the caller stores the result with the keystore. */
  seal(reference: CredentialReference, secret: Uint8Array): SealedCredential
  /** Makes a handle by which a plugin reads a stored secret. */
  handle(reference: CredentialReference): SecretHandle
}

/** Records that an activation stores in one transaction. */
export interface KeystoreActivation {
  readonly tenantId: string
  readonly keystoreId: string
  /** Revision that was tested. */
  readonly revision: number
  /** When the tested keystore was added: a keystore that is removed and added again repeats its revisions. */
  readonly createdAtMs: number
  readonly pluginType: string
  readonly keyIdentity: string
  /** L2 version 1; absent when the tenant already has one. */
  readonly tenantKey?: PreparedTenantKey
  readonly activatedAtMs: number
}

/**
 * Codes of the errors with which {@link KeystoreRepository} refuses a request. Failures of the database itself have codes
 * of their own.
 */
export type KeystoreStorageErrorCode =
  | "ALREADY_EXISTS"
  | "NOT_FOUND"
  | "STALE_REVISION"
  | "STILL_IN_USE"
  | "L1_CLAIMED"
  | "ANOTHER_KEYSTORE_ACTIVE"

/** Stores and reads keystores. Persistence implements it; a write, its credentials and its audit entries are one transaction. */
export interface KeystoreRepository {
  /** Reads a keystore. */
  keystore(tenantId: string, keystoreId: string): Promise<KeystoreRecord | undefined>
  /** Lists the keystores of a tenant, by id. */
  keystores(tenantId: string, page: Page<string>): Promise<readonly KeystoreSummary[]>
  /** Reads the id of the tenant's active keystore; undefined where none is active. */
  activeKeystoreId(tenantId: string): Promise<string | undefined>
  /** Lists the keystores of a plugin type, of all tenants, by tenant and id: at most `limit` of those behind `after`. */
  keystoresOfType(
    pluginType: string,
    after: KeystoreTarget | undefined,
    limit: number,
  ): Promise<readonly KeystoreRecord[]>
  /**
   * Stores a new keystore.
   * @throws {CodedError} ALREADY_EXISTS - the tenant already has a keystore of that id
   * @throws {CodedError} NOT_FOUND - there is no such tenant
   */
  insertKeystore(
    record: KeystoreRecord,
    credentials: readonly SealedCredential[],
    audit: readonly PreparedAuditEntry[],
  ): Promise<void>
  /**
   * Stores a changed keystore.
   * @throws {CodedError} STALE_REVISION - the stored keystore is another, or not at `record.revision - 1`
   * @throws {CodedError} NOT_FOUND
   */
  updateKeystore(
    record: KeystoreRecord,
    credentials: readonly SealedCredential[],
    audit: readonly PreparedAuditEntry[],
  ): Promise<void>
  /**
   * Removes a keystore, its credentials and its claim.
   * @throws {CodedError} STALE_REVISION
   * @throws {CodedError} STILL_IN_USE - it wraps a tenant key
   */
  deleteKeystore(
    record: Pick<KeystoreRecord, "tenantId" | "keystoreId"> & KeystoreRevision,
    audit: readonly PreparedAuditEntry[],
  ): Promise<void>
  /** Reads which tenant has claimed an L1 key; undefined where none has. */
  claimOwner(pluginType: string, keyIdentity: string): Promise<string | undefined>
  /**
   * Claims the L1 key, stores the tenant key, and marks the keystore active.
   * @throws {CodedError} L1_CLAIMED - by another tenant, or for a removal; the error does not say which
   * @throws {CodedError} ANOTHER_KEYSTORE_ACTIVE - the tenant has another active keystore
   * @throws {CodedError} STALE_REVISION - the keystore has changed since it was tested
   */
  activateKeystore(activation: KeystoreActivation, audit: readonly PreparedAuditEntry[]): Promise<void>
}

/** A request for operations of a budget. */
export interface OperationsWanted {
  readonly tenantId: string
  readonly keystoreId: string
  /** Hours since the Unix epoch. */
  readonly hour: number
  readonly wanted: number
  /** Budget of the whole hour. */
  readonly limit: number
  /** Part of it that serves other work than renewals of leases; absent for a renewal, which may take the whole. */
  readonly limitOfOtherWork?: number
}

/** Counts operations for all hosts together. Persistence implements it. */
export interface OperationCountRepository {
  /** Takes as many as the limits leave. @returns how many it took, and how many of the hour are taken by now */
  takeOperations(wanted: OperationsWanted): Promise<{ readonly granted: number; readonly taken: number }>
  /** Reads how many operations of an hour are taken. */
  operationsTaken(tenantId: string, keystoreId: string, hour: number): Promise<number>
}
