import type { HostCall } from "@apeiro-cmk/audit-log"
import type {
  CallOptions,
  ImportKeyMaterialRequest,
  ImportParameters,
  KeyDescription,
  KeystoreV1,
} from "@apeiro-cmk/plugin-interface"
import type { AuditTrail, KeystoreAct } from "./audit-trail.ts"
import type { CallPolicy } from "./call-policy.ts"
import { alreadyClaimed, hasCode, managerError } from "./errors.ts"
import type { HandlePool } from "./handles.ts"
import type { KeystoreRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/** Key material that its owner wrapped, with what came with the public key. */
export type WrappedKeyMaterial = Omit<ImportKeyMaterialRequest, "key">

/** Import of the L1 key that a saved keystore names, before that keystore is active (BYOK). */
export interface L1KeyImport {
  /** @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND, KEYSTORE_ACTIVE, L1_ALREADY_CLAIMED */
  parameters(tenantId: string, keystoreId: string, call: HostCall): Promise<ImportParameters>
  /**
   * In the tenant's audit log before it is answered.
   * @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND, KEYSTORE_ACTIVE, L1_ALREADY_CLAIMED
   */
  material(tenantId: string, keystoreId: string, wrapped: WrappedKeyMaterial, call: HostCall): Promise<KeyDescription>
}

interface L1KeyImportTools {
  /** @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND */
  readonly get: (tenantId: string, keystoreId: string) => Promise<KeystoreRecord>
  /** @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND - this can be no id, and must not reach the audit log */
  readonly requireKeystoreId: (keystoreId: string) => void
  readonly repository: Pick<KeystoreRepository, "claimOwner">
  readonly handles: HandlePool
  readonly policy: CallPolicy
  readonly trail: AuditTrail
}

export function createL1KeyImport({
  get,
  requireKeystoreId,
  repository,
  handles,
  policy,
  trail,
}: L1KeyImportTools): L1KeyImport {
  /** An active keystore wraps keys: what its L1 key becomes is for a rotation to say, which wraps them anew. */
  const inactive = async (tenantId: string, keystoreId: string): Promise<KeystoreRecord> => {
    const record = await get(tenantId, keystoreId)
    if (record.state !== "active") return record
    throw managerError("KEYSTORE_ACTIVE", `The keystore "${keystoreId}" is active: its L1 key is in use.`)
  }
  const run = <T>(
    record: KeystoreRecord,
    call: HostCall,
    work: (keystore: KeystoreV1, options: CallOptions) => Promise<T>,
  ): Promise<T> =>
    policy.run(record, call, (options) => handles.use(record, options.signal, (keystore) => work(keystore, options)))

  /** A key that wraps for a tenant, this one or another, gets no material by way of a second keystore. */
  const requireUnclaimed = async (record: KeystoreRecord, call: HostCall): Promise<void> => {
    const description = await run(record, call, (keystore, options) =>
      keystore.describeKey(keystore.defaultKey, options),
    ).catch((error: unknown) => {
      if (hasCode(error, "KEY_NOT_FOUND")) return undefined
      throw error
    })
    if (description === undefined) return
    const owner = await repository.claimOwner(record.pluginType, description.identity)
    if (owner !== undefined) throw alreadyClaimed()
  }

  return {
    async parameters(tenantId, keystoreId, call) {
      const record = await inactive(tenantId, keystoreId)
      await requireUnclaimed(record, call)
      return run(record, call, (keystore, options) => keystore.getImportParameters(keystore.defaultKey, options))
    },
    async material(tenantId, keystoreId, wrapped, call) {
      requireKeystoreId(keystoreId)
      const act: KeystoreAct = { action: "keyCreate", tenantId, keystoreId, facts: { origin: "import" } }
      const { description, revision } = await trail.attempt(act, call, async () => {
        const record = await inactive(tenantId, keystoreId)
        await requireUnclaimed(record, call)
        const imported = await run(record, call, (keystore, options) =>
          keystore.importKeyMaterial({ ...wrapped, key: keystore.defaultKey }, options),
        )
        return { description: imported, revision: record.revision }
      })
      const { identity, latestVersion } = description
      const facts = { ...act.facts, key_identity: identity, key_version: latestVersion }
      // A further version of a key that was imported before is, in upstream's words, a rotation.
      const action = latestVersion === "1" || latestVersion === "unknown" ? "keyCreate" : "keyRotate"
      await trail.record({ ...act, action, revision, facts }, undefined, call)
      return description
    },
  }
}
