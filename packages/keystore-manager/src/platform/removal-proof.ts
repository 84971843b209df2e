import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import { type HostCall, timeBudgets } from "@apeiro-cmk/host-call"
import { differingIdentityFields, inputOf } from "../configuration.ts"
import { pluginFor } from "../document.ts"
import { hasCode, type KeystoreManagerError, managerError } from "../errors.ts"
import type { KeystoreManager } from "../keystore-manager.ts"
import type { KeystoreTarget } from "../keystore-target.ts"
import type { CredentialPort, KeystorePluginCatalog, KeystoreRepository } from "../ports.ts"
import type { KeystoreRecord } from "../records.ts"
import type { PlatformKeystoreRecord, PlatformKeystoreRemoval, PlatformKeystoreRepository } from "./platform-records.ts"
import { providerOf } from "./provider-of.ts"

/** Services of {@link RemovalProof}. */
export interface RemovalProofServices {
  readonly catalog: KeystorePluginCatalog
  readonly repository: PlatformKeystoreRepository
  readonly keystores: Pick<KeystoreRepository, "keystoresOfType">
  readonly credentials: CredentialPort
  readonly manager: Pick<KeystoreManager, "caller">
}

const pageSize = 100

/**
 * Proves that the key of a platform keystore is unused, before it is destroyed: by the identity that the server states, in
 * the claims and the wraps of all tenants, and by what the configurations of all tenants mean. What cannot be proved, e.g.
 * because the server does not answer, is refused.
 */
export class RemovalProof {
  readonly #services: RemovalProofServices

  constructor(services: RemovalProofServices) {
    this.#services = services
  }

  /** Tells whether a stored keystore is configured for the key of a platform keystore, in whatever spelling. */
  isNamedBy({ pluginType, configuration }: PlatformKeystoreRecord, stored: KeystoreRecord): boolean {
    const { catalog, credentials } = this.#services
    if (configuration === undefined || stored.pluginType !== pluginType) return false
    const plugin = pluginFor(catalog, pluginType)
    return differingIdentityFields(plugin, configuration, inputOf(stored, credentials)).length === 0
  }

  /**
   * Asks the server what the removal destroys, and looks for a keystore that is configured for it: the tenant's own may be,
   * as long as it is not active.
   * @throws {KeystoreManagerError} KEYSTORE_IN_USE
   * @throws {PluginError} the server cannot be asked
   */
  async require(record: PlatformKeystoreRecord, call: HostCall): Promise<PlatformKeystoreRemoval> {
    const { catalog, manager } = this.#services
    const { keystoreId, pluginType } = record
    const provider = providerOf(catalog, pluginType)
    for await (const stored of this.#keystoresOfType(pluginType)) {
      if (!this.isNamedBy(record, stored)) continue
      if (stored.state === "active") throw inUse(`The keystore ${textOf(stored)} wraps a key of its tenant with it.`)
      if (!isSame(stored, record)) throw inUse(`The keystore ${textOf(stored)} is configured for it.`)
    }
    const { identityPrefix } = await manager.caller.call(
      undefined,
      call,
      (options) => provider.locateKeystore({ keystoreId }, options),
      { limitMs: timeBudgets.platformServer.limitMs },
    )
    return { pluginType, identityPrefix }
  }

  /**
   * Marks a platform keystore as being removed, unless a tenant has claimed or used a key that the removal destroys. From
   * then on no tenant can claim one.
   * @returns false, and does nothing, when its state is another one by now
   * @throws {KeystoreManagerError} KEYSTORE_IN_USE
   */
  async begin(
    record: PlatformKeystoreRecord,
    removal: PlatformKeystoreRemoval,
    change: Pick<PlatformKeystoreRecord, "updatedAtMs"> & Partial<Pick<PlatformKeystoreRecord, "requestedBy">>,
    audit: readonly PreparedAuditEntry[],
  ): Promise<boolean> {
    const { repository } = this.#services
    const { state } = record
    try {
      const removing = { ...change, state: "removing" } as const
      return await repository.beginPlatformKeystoreRemoval(record, state, removal, removing, audit)
    } catch (error) {
      throw hasCode(error, "STILL_IN_USE") ? inUse("Its L1 key is claimed, or wraps a key of a tenant.") : error
    }
  }

  async *#keystoresOfType(pluginType: string): AsyncGenerator<KeystoreRecord, void, void> {
    let after: KeystoreTarget | undefined
    for (;;) {
      const page = await this.#services.keystores.keystoresOfType(pluginType, after, pageSize)
      yield* page
      after = page.at(-1)
      if (page.length < pageSize) return
    }
  }
}

function isSame(one: KeystoreTarget, other: KeystoreTarget): boolean {
  return one.tenantId === other.tenantId && one.keystoreId === other.keystoreId
}

function textOf({ tenantId, keystoreId }: KeystoreTarget): string {
  return `"${keystoreId}" of tenant "${tenantId}"`
}

function inUse(reason: string): KeystoreManagerError {
  return managerError("KEYSTORE_IN_USE", `The keystore is in use. ${reason}`)
}
