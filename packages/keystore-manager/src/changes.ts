import { isDeepStrictEqual } from "node:util"
import type { HostCall, PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { AuditTrail, KeystoreAct } from "./audit-trail.ts"
import { type CheckedConfiguration, checkConfiguration, requireSameIdentity, sealEntered } from "./configuration.ts"
import { isKeystoreId, pluginFor, readConfigurationObject, readDocument } from "./document.ts"
import { fromPersistence, hasCode, keystoreNotFound, managerError } from "./errors.ts"
import type { CredentialPort, KeystorePluginCatalog, KeystoreRepository } from "./ports.ts"
import type { CredentialField, KeystoreRecord, KeystoreRevision } from "./records.ts"

interface ChangeTools {
  readonly catalog: KeystorePluginCatalog
  readonly repository: KeystoreRepository
  readonly credentials: CredentialPort
  readonly trail: AuditTrail
  readonly clock: Clock
}

/** Adds, changes and removes keystores; each with its audit entries in one transaction. */
export interface KeystoreChanges {
  add(tenantId: string, document: unknown, call: HostCall): Promise<KeystoreRecord>
  change(target: Target, configuration: unknown, expected: KeystoreRevision, call: HostCall): Promise<KeystoreRecord>
  remove(target: Target, expected: KeystoreRevision, call: HostCall): Promise<void>
}

interface Target {
  readonly tenantId: string
  readonly keystoreId: string
}

export function createKeystoreChanges({
  catalog,
  repository,
  credentials,
  trail,
  clock,
}: ChangeTools): KeystoreChanges {
  const stored = async ({ tenantId, keystoreId }: Target, expected: KeystoreRevision): Promise<KeystoreRecord> => {
    const record = await repository.keystore(tenantId, keystoreId)
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
  const writing = async (
    keystoreId: string,
    write: () => Promise<void>,
    missing: "keystore" | "tenant" = "keystore",
  ) => {
    try {
      await write()
    } catch (error) {
      if (missing === "tenant" && hasCode(error, "NOT_FOUND")) throw error
      throw fromPersistence(error, keystoreId)
    }
  }

  return {
    async add(tenantId, document, call) {
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
        const audit = [trail.success(done, call), ...arrivals(record, checked, done, call)]
        const sealed = sealEntered(checked, credentials, record, 1)
        await writing(plugin_name, () => repository.insertKeystore(record, sealed, audit), "tenant")
        return record
      })
    },

    async change(target, configuration, expected, call) {
      const act: KeystoreAct = { action: "configurationUpdate", ...target, revision: expected.revision + 1 }
      return trail.attempt(act, call, async () => {
        const before = await stored(target, expected)
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
          ...arrivals(record, checked, done, call),
          ...gone.map(({ name, version }) => trail.credential("credentialDelete", name, version, done, call)),
        ]
        const sealed = sealEntered(checked, credentials, record, revision)
        await writing(target.keystoreId, () => repository.updateKeystore(record, sealed, audit))
        return record
      })
    },

    async remove(target, expected, call) {
      const act: KeystoreAct = { action: "configurationDelete", ...target, revision: expected.revision }
      await trail.attempt(act, call, async () => {
        const record = await stored(target, expected)
        const gone = record.credentials.map(({ name, version }) =>
          trail.credential("credentialDelete", name, version, act, call),
        )
        const audit = [trail.success(act, call), ...gone]
        await writing(record.keystoreId, () => repository.deleteKeystore(record, audit))
      })
    },
  }

  function arrivals(
    record: KeystoreRecord,
    { entered }: CheckedConfiguration,
    act: KeystoreAct,
    call: HostCall,
  ): readonly PreparedAuditEntry[] {
    return entered.map(({ name }) => trail.credential("credentialCreate", name, record.revision, act, call))
  }
}

/**
 * The secrets in force. A new secret's version is the revision that it comes with: it grows, and is never used twice,
 * also when the secret was removed in between.
 */
function fieldsOf({ entered, kept }: CheckedConfiguration, revision: number): readonly CredentialField[] {
  return [...kept, ...entered.map(({ name }) => ({ name, version: revision }))]
}

/** Names of the fields that are another now; for the audit log, which must not show values. */
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

/** The id that a document asks for, for the audit entry of a failure too. */
export function nameIn(document: unknown): string {
  const name =
    typeof document === "object" && document !== null && "plugin_name" in document ? document.plugin_name : undefined
  return typeof name === "string" && isKeystoreId(name) ? name : "(unnamed)"
}
