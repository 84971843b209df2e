import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { CredentialReference, SealedCredential } from "@apeiro-cmk/credential-store"
import type { PreparedTenantKey } from "@apeiro-cmk/key-hierarchy"
import type { KeystorePluginV1, PluginDefinition, SecretHandle } from "@apeiro-cmk/plugin-interface"
import type { KeystoreRecord, KeystoreRevision } from "./records.ts"

/** A running keystore plugin. */
export interface RunningKeystorePlugin {
  readonly definition: PluginDefinition<"keystore">
  readonly instance: KeystorePluginV1
}

/** The running keystore plugins, by the `plugin_type` of their manifests. The host runtime implements it. */
export interface KeystorePluginCatalog {
  keystorePlugin(pluginType: string): RunningKeystorePlugin | undefined
  keystorePluginTypes(): readonly string[]
}

/** The credential store, as far as keystores need it. */
export interface CredentialPort {
  /** Seals a secret; the caller stores the result together with the keystore. */
  seal(reference: CredentialReference, secret: Uint8Array): SealedCredential
  /** The right to read a stored secret. */
  handle(reference: CredentialReference): SecretHandle
}

/** What the activation of a keystore stores, in one transaction. */
export interface KeystoreActivation {
  readonly tenantId: string
  readonly keystoreId: string
  /** The revision that was tested. */
  readonly revision: number
  /** When the tested keystore was added: one that was removed and added again has the same revisions. */
  readonly createdAtMs: number
  readonly pluginType: string
  readonly keyIdentity: string
  /** L2 version 1; absent when the tenant already has one. */
  readonly tenantKey?: PreparedTenantKey
  readonly activatedAtMs: number
}

/**
 * Keystores as they are stored. Persistence implements it; writes take their credentials and audit entries along into
 * one transaction.
 */
export interface KeystoreRepository {
  keystore(tenantId: string, keystoreId: string): Promise<KeystoreRecord | undefined>
  /** By id. */
  keystores(tenantId: string): Promise<readonly KeystoreRecord[]>
  /** @throws {PersistenceError} ALREADY_EXISTS */
  insertKeystore(
    record: KeystoreRecord,
    credentials: readonly SealedCredential[],
    audit: readonly PreparedAuditEntry[],
  ): Promise<void>
  /** @throws {PersistenceError} STALE_REVISION - `record.revision - 1` of a keystore added then is not what is stored */
  updateKeystore(
    record: KeystoreRecord,
    credentials: readonly SealedCredential[],
    audit: readonly PreparedAuditEntry[],
  ): Promise<void>
  /**
   * Removes a keystore, its credentials and its claim.
   * @throws {PersistenceError} STALE_REVISION
   * @throws {PersistenceError} STILL_IN_USE - it wraps a tenant key
   */
  deleteKeystore(
    record: Pick<KeystoreRecord, "tenantId" | "keystoreId"> & KeystoreRevision,
    audit: readonly PreparedAuditEntry[],
  ): Promise<void>
  /** The tenant that has claimed an L1 key, if any. */
  claimOwner(pluginType: string, keyIdentity: string): Promise<string | undefined>
  /**
   * Claims the L1 key, stores the tenant key and marks the keystore active.
   * @throws {PersistenceError} L1_CLAIMED - by another tenant; the error does not say which
   * @throws {PersistenceError} ANOTHER_KEYSTORE_ACTIVE - the tenant has another active keystore
   * @throws {PersistenceError} STALE_REVISION - the keystore was changed since it was tested
   */
  activateKeystore(activation: KeystoreActivation, audit: readonly PreparedAuditEntry[]): Promise<void>
}

/** How many operations of a budget are wanted. */
export interface OperationsWanted {
  readonly tenantId: string
  readonly keystoreId: string
  /** Hours since the Unix epoch. */
  readonly hour: number
  readonly wanted: number
  /** Of the whole hour. */
  readonly limit: number
}

/** Counts of operations, shared by all hosts. Persistence implements it. */
export interface OperationCountRepository {
  /** Takes as many as the limit leaves. @returns how many, and how many of the hour are taken by now */
  takeOperations(wanted: OperationsWanted): Promise<{ readonly granted: number; readonly taken: number }>
  /** How many of an hour are taken. */
  operationsTaken(tenantId: string, keystoreId: string, hour: number): Promise<number>
}
