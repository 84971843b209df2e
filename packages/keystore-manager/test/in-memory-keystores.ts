import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import type { CredentialReference, SealedCredential } from "@apeiro-cmk/credential-store"
import { CodedError } from "@apeiro-cmk/plugin-interface"
import { secretFromBytes } from "@apeiro-cmk/plugin-sdk"
import type {
  CredentialPort,
  KeystoreActivation,
  KeystoreRecord,
  KeystoreRepository,
  OperationCountRepository,
  OperationsWanted,
} from "../src/index.ts"

/** Keystores, claims and credentials in memory, with the rules of the ports. */
export class InMemoryKeystores implements KeystoreRepository {
  readonly records = new Map<string, KeystoreRecord>()
  readonly claims = new Map<string, string>()
  readonly activations: KeystoreActivation[] = []
  sealed: SealedCredential[] = []
  readonly #audit: PreparedAuditEntry[]
  /** Called at the beginning of each activation's transaction. */
  beforeActivation: (() => void) | undefined

  constructor(audit: PreparedAuditEntry[]) {
    this.#audit = audit
  }

  async keystore(tenantId: string, keystoreId: string) {
    return this.records.get(`${tenantId}/${keystoreId}`)
  }

  async keystores(tenantId: string, { after = "", limit }: Parameters<KeystoreRepository["keystores"]>[1]) {
    return [...this.records.values()]
      .filter((record) => record.tenantId === tenantId && record.keystoreId > after)
      .sort((left, right) => (left.keystoreId < right.keystoreId ? -1 : 1))
      .slice(0, limit)
  }

  async activeKeystoreId(tenantId: string) {
    return [...this.records.values()].find((each) => each.tenantId === tenantId && each.state === "active")?.keystoreId
  }

  async keystoresOfType(...[pluginType, after, limit]: Parameters<KeystoreRepository["keystoresOfType"]>) {
    const behind = after === undefined ? "" : `${after.tenantId}/${after.keystoreId}`
    return [...this.records]
      .filter(([name, record]) => record.pluginType === pluginType && name > behind)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .slice(0, limit)
      .map(([, record]) => record)
  }

  async insertKeystore(...[record, credentials, audit]: Parameters<KeystoreRepository["insertKeystore"]>) {
    if (this.records.has(`${record.tenantId}/${record.keystoreId}`)) throw refusal("ALREADY_EXISTS")
    this.#store(record, credentials, audit)
  }

  async updateKeystore(...[record, credentials, audit]: Parameters<KeystoreRepository["updateKeystore"]>) {
    this.#requireRevision(record.tenantId, record.keystoreId, record.revision - 1)
    this.#store(record, credentials, audit)
  }

  async deleteKeystore(
    ...[{ tenantId, keystoreId, revision }, audit]: Parameters<KeystoreRepository["deleteKeystore"]>
  ) {
    this.#requireRevision(tenantId, keystoreId, revision)
    if (this.activations.some((each) => each.tenantId === tenantId && each.keystoreId === keystoreId)) {
      throw refusal("STILL_IN_USE")
    }
    this.records.delete(`${tenantId}/${keystoreId}`)
    this.sealed = this.sealed.filter((each) => each.tenantId !== tenantId || each.keystoreId !== keystoreId)
    this.#audit.push(...audit)
  }

  async claimOwner(pluginType: string, keyIdentity: string) {
    return this.claims.get(`${pluginType} ${keyIdentity}`)
  }

  async activateKeystore(activation: KeystoreActivation, audit: readonly PreparedAuditEntry[]) {
    this.beforeActivation?.()
    const { tenantId, keystoreId, pluginType, keyIdentity, revision } = activation
    const record = this.#requireRevision(tenantId, keystoreId, revision)
    const others = [...this.records.values()].filter((each) => each.tenantId === tenantId)
    if (others.some((each) => each.state === "active" && each !== record)) throw refusal("ANOTHER_KEYSTORE_ACTIVE")
    const owner = this.claims.get(`${pluginType} ${keyIdentity}`) ?? tenantId
    if (owner !== tenantId) throw refusal("L1_CLAIMED")
    this.claims.set(`${pluginType} ${keyIdentity}`, tenantId)
    this.activations.push(activation)
    this.#store({ ...record, state: "active", keyIdentity, revision: revision + 1 }, [], audit)
    this.#audit.push(...(activation.tenantKey?.audit ?? []))
  }

  #requireRevision(tenantId: string, keystoreId: string, revision: number): KeystoreRecord {
    const record = this.records.get(`${tenantId}/${keystoreId}`)
    if (record === undefined) throw refusal("NOT_FOUND")
    if (record.revision !== revision) throw refusal("STALE_REVISION")
    return record
  }

  #store(record: KeystoreRecord, credentials: readonly SealedCredential[], audit: readonly PreparedAuditEntry[]) {
    this.records.set(`${record.tenantId}/${record.keystoreId}`, record)
    this.sealed = [...this.sealed, ...credentials].filter(
      ({ tenantId, keystoreId, name, version }) =>
        tenantId !== record.tenantId ||
        keystoreId !== record.keystoreId ||
        record.credentials.some((field) => field.name === name && field.version === version),
    )
    this.#audit.push(...audit)
  }
}

/** Sealed here means: kept aside under a random id, so that no secret is in what the repository stores. */
export class InMemoryCredentials implements CredentialPort {
  readonly #secrets = new Map<string, Uint8Array>()
  readonly #keystores: InMemoryKeystores

  constructor(keystores: InMemoryKeystores) {
    this.#keystores = keystores
  }

  seal(reference: CredentialReference, secret: Uint8Array): SealedCredential {
    const id = crypto.randomUUID()
    this.#secrets.set(id, secret.slice())
    return { ...reference, sealed: new TextEncoder().encode(id), createdAtMs: 0 }
  }

  handle(reference: CredentialReference) {
    return {
      version: String(reference.version),
      read: async (signal: AbortSignal) => {
        const found = this.#keystores.sealed.find((each) =>
          (["tenantId", "keystoreId", "name", "version"] as const).every((part) => each[part] === reference[part]),
        )
        const secret = found && this.#secrets.get(new TextDecoder().decode(found.sealed))
        if (secret === undefined) throw refusal("CREDENTIAL_NOT_FOUND")
        return secretFromBytes(secret, "1").read(signal)
      },
    }
  }
}

function refusal(code: string): CodedError {
  return new CodedError(code, code, { origin: "caller", retryable: false, nextStep: "Look." })
}

/** Counts of operations, for one hour at a time. */
export class InMemoryOperationCounts implements OperationCountRepository {
  readonly taken = new Map<string, number>()
  readonly #takenByOtherWork = new Map<string, number>()

  async takeOperations({ tenantId, keystoreId, hour, wanted, limit, limitOfOtherWork }: OperationsWanted) {
    const name = `${tenantId}/${keystoreId}/${hour}`
    const before = this.taken.get(name) ?? 0
    const byOthers = this.#takenByOtherWork.get(name) ?? 0
    const leftToOthers = limitOfOtherWork === undefined ? wanted : limitOfOtherWork - byOthers
    const granted = Math.max(0, Math.min(wanted, limit - before, leftToOthers))
    this.taken.set(name, before + granted)
    if (limitOfOtherWork !== undefined) this.#takenByOtherWork.set(name, byOthers + granted)
    return { granted, taken: before + granted }
  }

  async operationsTaken(tenantId: string, keystoreId: string, hour: number) {
    return this.taken.get(`${tenantId}/${keystoreId}/${hour}`) ?? 0
  }
}
