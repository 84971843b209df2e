import type { HostCall } from "@apeiro-cmk/host-call"
import type { ImportKeyMaterialRequest, ImportParameters, KeyDescription } from "@apeiro-cmk/plugin-interface"
import type { AuditTrail, KeystoreAct } from "./audit-trail.ts"
import type { KeystoreCaller } from "./caller/keystore-caller.ts"
import { requireKeystoreId } from "./document.ts"
import { alreadyClaimed, hasCode, keystoreNotFound, managerError } from "./errors.ts"
import type { KeystoreRepository } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/** Key material that its owner wrapped, with the parameters that came with the public key. */
export type WrappedKeyMaterial = Omit<ImportKeyMaterialRequest, "key">

/** Services that imports use. */
interface L1KeyImportServices {
  readonly repository: Pick<KeystoreRepository, "claimOwner" | "keystore">
  readonly caller: KeystoreCaller
  readonly trail: AuditTrail
}

/** Imports the L1 key that a saved keystore names, before that keystore is active (BYOK). */
export class L1KeyImport {
  readonly #services: L1KeyImportServices

  constructor(services: L1KeyImportServices) {
    this.#services = services
  }

  /**
   * Gets the public key and parameters for which the owner wraps the material.
   * @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND, KEYSTORE_ACTIVE, L1_ALREADY_CLAIMED
   */
  async parameters(tenantId: string, keystoreId: string, call: HostCall): Promise<ImportParameters> {
    const record = await this.#inactive(tenantId, keystoreId)
    await this.#requireUnclaimed(record, call)
    return this.#services.caller.use(record, call, (keystore, options) =>
      keystore.getImportParameters(keystore.defaultKey, options),
    )
  }

  /**
   * Imports wrapped material. The outcome is in the tenant's audit log before it is answered.
   * @throws {KeystoreManagerError} KEYSTORE_NOT_FOUND, KEYSTORE_ACTIVE, L1_ALREADY_CLAIMED
   */
  async material(
    tenantId: string,
    keystoreId: string,
    wrapped: WrappedKeyMaterial,
    call: HostCall,
  ): Promise<KeyDescription> {
    requireKeystoreId(keystoreId)
    const { trail } = this.#services
    const act: KeystoreAct = { action: "keyCreate", tenantId, keystoreId, facts: { origin: "import" } }
    const { description, revision } = await trail.attempt(act, call, async () => {
      const record = await this.#inactive(tenantId, keystoreId)
      await this.#requireUnclaimed(record, call)
      const imported = await this.#services.caller.use(record, call, (keystore, options) =>
        keystore.importKeyMaterial({ ...wrapped, key: keystore.defaultKey }, options),
      )
      return { description: imported, revision: record.revision }
    })
    const { identity, latestVersion } = description
    const facts = { ...act.facts, key_identity: identity, key_version: latestVersion }
    // Upstream calls a further version of a key that was imported before a rotation.
    const action = latestVersion === "1" || latestVersion === "unknown" ? "keyCreate" : "keyRotate"
    await trail.record({ ...act, action, revision, facts }, undefined, call)
    return description
  }

  /** The L1 key of an active keystore wraps keys. Only a rotation may change it, since that wraps them again. */
  async #inactive(tenantId: string, keystoreId: string): Promise<KeystoreRecord> {
    requireKeystoreId(keystoreId)
    const record = await this.#services.repository.keystore(tenantId, keystoreId)
    if (record === undefined) throw keystoreNotFound(keystoreId)
    if (record.state !== "active") return record
    throw managerError("KEYSTORE_ACTIVE", `The keystore "${keystoreId}" is active: its L1 key is in use.`)
  }

  /** A key that wraps for any tenant gets no material by way of a second keystore. */
  async #requireUnclaimed(record: KeystoreRecord, call: HostCall): Promise<void> {
    const description = await this.#services.caller
      .use(record, call, (keystore, options) => keystore.describeKey(keystore.defaultKey, options))
      .catch((error: unknown) => {
        if (hasCode(error, "KEY_NOT_FOUND")) return undefined
        throw error
      })
    if (description === undefined) return
    const owner = await this.#services.repository.claimOwner(record.pluginType, description.identity)
    if (owner !== undefined) throw alreadyClaimed()
  }
}
