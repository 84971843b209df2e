import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import { CodedError } from "@apeiro-cmk/plugin-interface"
import type { ClaimRecord, ClaimRepository, ClaimTransfer } from "../src/index.ts"
import type { InMemoryKeystores } from "./in-memory-keystores.ts"

/** The claims of keystores in memory, with ids; a claim that passes to another tenant gets another one. */
export class InMemoryClaims implements ClaimRepository {
  readonly #keystores: InMemoryKeystores
  readonly #audit: PreparedAuditEntry[]
  readonly #ids = new Map<string, string>()
  readonly #contested = new Map<string, number>()

  constructor(keystores: InMemoryKeystores, audit: PreparedAuditEntry[]) {
    this.#keystores = keystores
    this.#audit = audit
  }

  async claims({ after = "", limit }: Parameters<ClaimRepository["claims"]>[0]) {
    const all = [...this.#keystores.claims].map(([key, tenantId]) => this.#record(key, tenantId))
    return all.filter(({ claimId }) => claimId > after).slice(0, limit)
  }

  async claim(claimId: string) {
    return (await this.claims({ limit: Number.POSITIVE_INFINITY })).find((each) => each.claimId === claimId)
  }

  async markContested(claimId: string, contestedAtMs: number | undefined, audit: readonly PreparedAuditEntry[]) {
    if (contestedAtMs === undefined) this.#contested.delete(claimId)
    else this.#contested.set(claimId, contestedAtMs)
    this.#audit.push(...audit)
  }

  async transferClaim({ claim, claimant }: ClaimTransfer, audit: readonly PreparedAuditEntry[]) {
    const { tenantId, keystoreId, revision } = claimant
    if ((await this.claim(claim.claimId)) === undefined) throw refusal("NOT_FOUND")
    const stored = await this.#keystores.keystore(tenantId, keystoreId)
    if (stored?.revision !== revision) throw refusal("STALE_REVISION")
    const key = `${claim.pluginType} ${claim.keyIdentity}`
    this.#keystores.claims.set(key, tenantId)
    const { keyIdentity } = claim
    this.#keystores.records.set(`${tenantId}/${keystoreId}`, { ...stored, keyIdentity, revision: revision + 1 })
    this.#audit.push(...audit)
    return this.#record(key, tenantId)
  }

  #idOf(name: string): string {
    const id = this.#ids.get(name) ?? crypto.randomUUID()
    this.#ids.set(name, id)
    return id
  }

  #record(key: string, tenantId: string): ClaimRecord {
    const [pluginType = "", ...identity] = key.split(" ")
    const keyIdentity = identity.join(" ")
    const ofTenant = [...this.#keystores.records.values()].filter((each) => each.tenantId === tenantId)
    const keystore = ofTenant.find((each) => each.keyIdentity === keyIdentity)
    const claimId = this.#idOf(`${key} of ${tenantId}`)
    const contestedAtMs = this.#contested.get(claimId)
    return {
      ...{ claimId, pluginType, keyIdentity, tenantId, claimedAtMs: 0 },
      ...(keystore === undefined ? {} : { keystoreId: keystore.keystoreId }),
      ...(contestedAtMs === undefined ? {} : { contestedAtMs }),
    }
  }
}

function refusal(code: string): CodedError {
  return new CodedError(code, code, { origin: "caller", retryable: false, nextStep: "Look." })
}
