import { isDeepStrictEqual } from "node:util"
import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { HostCall } from "@apeiro-cmk/host-call"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { AuditTrail, KeystoreAct } from "./audit-trail.ts"
import { type CheckedConfiguration, checkConfiguration, requireSameIdentity, sealEntered } from "./configuration.ts"
import { nameIn, pluginFor, readConfigurationObject, readDocument } from "./document.ts"
import { fromStorage, hasCode, keystoreNotFound, managerError } from "./errors.ts"
import type { KeystoreTarget } from "./keystore-target.ts"
import type { CredentialPort, KeystorePluginCatalog, KeystoreRepository } from "./ports.ts"
import type { CredentialField, KeystoreRecord, KeystoreRevision } from "./records.ts"

/** Services that changes use. */
interface ChangeServices {
  readonly catalog: KeystorePluginCatalog
  readonly repository: KeystoreRepository
  readonly credentials: CredentialPort
  readonly trail: AuditTrail
  readonly clock: Clock
}

/** Adds, changes and removes keystores, each with its audit entries in one transaction. */
export class KeystoreChanges {
  readonly #services: ChangeServices

  constructor(services: ChangeServices) {
    this.#services = services
  }

  /** Adds a keystore, inactive. */
  async add(tenantId: string, document: unknown, call: HostCall): Promise<KeystoreRecord> {
    const { catalog, clock, credentials, repository, trail } = this.#services
    const act: KeystoreAct = { action: "configurationCreate", tenantId, keystoreId: nameIn(document) }
    return trail.attempt(act, call, async () => {
      const { plugin_type, plugin_name, configuration } = readDocument(document)
      const checked = checkConfiguration(pluginFor(catalog, plugin_type), credentials, configuration)
      const nowMs = clock.nowMs()
      const record: KeystoreRecord = {
        tenantId,
        keystoreId: plugin_name,
        pluginType: plugin_type,
        configuration: checked.configuration,
        credentials: fieldsOf(checked, 1),
        state: "inactive",
        revision: 1,
        createdAtMs: nowMs,
        updatedAtMs: nowMs,
      }
      const done = { ...act, revision: 1, facts: { plugin_type } }
      const audit = [trail.success(done, call), ...this.#arrivals(record, checked, done, call)]
      const sealed = sealEntered(checked, credentials, record, 1)
      try {
        await repository.insertKeystore(record, sealed, audit)
      } catch (error) {
        // Here NOT_FOUND is about the tenant.
        throw hasCode(error, "NOT_FOUND") ? error : fromStorage(error, plugin_name)
      }
      return record
    })
  }

  /** Replaces the configuration of a keystore. */
  async change(
    target: KeystoreTarget,
    configuration: unknown,
    expected: KeystoreRevision,
    call: HostCall,
  ): Promise<KeystoreRecord> {
    const { catalog, clock, credentials, repository, trail } = this.#services
    const act: KeystoreAct = { action: "configurationUpdate", ...target, revision: expected.revision + 1 }
    return trail.attempt(act, call, async () => {
      const before = await this.#stored(target, expected)
      const plugin = pluginFor(catalog, before.pluginType)
      const checked = checkConfiguration(plugin, credentials, readConfigurationObject(configuration), before)
      if (before.state === "active") requireSameIdentity(plugin, credentials, before, checked)
      const revision = before.revision + 1
      const record: KeystoreRecord = {
        ...before,
        configuration: checked.configuration,
        credentials: fieldsOf(checked, revision),
        revision,
        updatedAtMs: clock.nowMs(),
      }
      const done = { ...act, facts: { changed: changedNames(before, record) } }
      const gone = before.credentials.filter(
        (old) => !record.credentials.some((field) => isDeepStrictEqual(field, old)),
      )
      const audit = [
        trail.success(done, call),
        ...this.#arrivals(record, checked, done, call),
        ...this.#departures(gone, done, call),
      ]
      const sealed = sealEntered(checked, credentials, record, revision)
      await writing(target.keystoreId, () => repository.updateKeystore(record, sealed, audit))
      return record
    })
  }

  /** Removes a keystore, its secrets and its claim. */
  async remove(target: KeystoreTarget, expected: KeystoreRevision, call: HostCall): Promise<void> {
    const { repository, trail } = this.#services
    const act: KeystoreAct = { action: "configurationDelete", ...target, revision: expected.revision }
    await trail.attempt(act, call, async () => {
      const record = await this.#stored(target, expected)
      const audit = [trail.success(act, call), ...this.#departures(record.credentials, act, call)]
      await writing(record.keystoreId, () => repository.deleteKeystore(record, audit))
    })
  }

  async #stored({ tenantId, keystoreId }: KeystoreTarget, expected: KeystoreRevision): Promise<KeystoreRecord> {
    const record = await this.#services.repository.keystore(tenantId, keystoreId)
    if (record === undefined) throw keystoreNotFound(keystoreId)
    if (record.createdAtMs !== expected.createdAtMs) {
      throw managerError("REVISION_MISMATCH", `The keystore "${keystoreId}" was removed and added again.`)
    }
    if (record.revision !== expected.revision) {
      const message = `The keystore "${keystoreId}" is at revision ${record.revision}, not ${expected.revision}.`
      throw managerError("REVISION_MISMATCH", message)
    }
    return record
  }

  #arrivals(
    record: KeystoreRecord,
    { entered }: CheckedConfiguration,
    act: KeystoreAct,
    call: HostCall,
  ): readonly PreparedAuditEntry[] {
    const { trail } = this.#services
    return entered.map(({ name }) => trail.credential("credentialCreate", name, record.revision, act, call))
  }

  #departures(fields: readonly CredentialField[], act: KeystoreAct, call: HostCall): readonly PreparedAuditEntry[] {
    const { trail } = this.#services
    return fields.map(({ name, version }) => trail.credential("credentialDelete", name, version, act, call))
  }
}

async function writing(keystoreId: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    throw fromStorage(error, keystoreId)
  }
}

/**
 * Lists the secrets in force. The version of a new secret is the revision that it comes with: it grows and is never used
 * twice, even when the secret was removed in between.
 */
function fieldsOf({ entered, kept }: CheckedConfiguration, revision: number): readonly CredentialField[] {
  return [...kept, ...entered.map(({ name }) => ({ name, version: revision }))]
}

/** Names the fields that have changed, for the audit log, which must not show values. */
function changedNames(before: KeystoreRecord, after: KeystoreRecord): readonly string[] {
  const flat = ({ configuration, credentials }: KeystoreRecord) =>
    new Map<string, unknown>([
      ...Object.entries(configuration),
      ...credentials.map(({ name, version }) => [name, version] as const),
    ])
  const [old, next] = [flat(before), flat(after)]
  const names = new Set([...old.keys(), ...next.keys()])
  return [...names].filter((name) => !isDeepStrictEqual(old.get(name), next.get(name))).sort()
}
