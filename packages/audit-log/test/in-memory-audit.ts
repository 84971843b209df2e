import {
  type AuditIntakeRepository,
  type AuditLogRepository,
  emptyTree,
  type PreparedAuditEntry,
  type SequencedAuditEntry,
  type TreeHead,
} from "../src/index.ts"

/** Keeps intake and logs in memory, with the fence rules of the ports and switches for faults. */
export class InMemoryAudit implements AuditIntakeRepository, AuditLogRepository {
  readonly batches: (readonly PreparedAuditEntry[])[] = []
  readonly logs = new Map<string, SequencedAuditEntry[]>()
  readonly heads = new Map<string, TreeHead>()
  #waiting: PreparedAuditEntry[] = []
  #fence = 0
  failure: Error | undefined
  /** Appends wait for it while it is set. */
  gate: Promise<void> | undefined

  async append(entries: readonly PreparedAuditEntry[]): Promise<void> {
    await this.gate
    if (this.failure !== undefined) throw this.failure
    this.batches.push(entries)
    this.#waiting.push(...entries)
  }

  async takeFence(): Promise<number> {
    if (this.failure !== undefined) throw this.failure
    this.#fence += 1
    return this.#fence
  }

  async integrate(...[fence, limit, integrate]: Parameters<AuditLogRepository["integrate"]>) {
    if (this.failure !== undefined) throw this.failure
    if (fence < this.#fence) return undefined
    const taken = this.#waiting.splice(0, limit)
    for (const [tenantId, waiting] of Map.groupBy(taken, (entry) => entry.tenantId)) {
      const { entries, head } = integrate(await this.head(tenantId), waiting)
      this.logs.set(tenantId, [...(this.logs.get(tenantId) ?? []), ...entries])
      this.heads.set(tenantId, head)
    }
    return taken.length
  }

  async head(tenantId: string): Promise<TreeHead> {
    return this.heads.get(tenantId) ?? emptyTree(tenantId)
  }

  async entries(tenantId: string, fromIndex: number, limit: number): Promise<readonly SequencedAuditEntry[]> {
    return (this.logs.get(tenantId) ?? []).slice(fromIndex, fromIndex + limit)
  }

  async waiting(tenantId: string): Promise<number> {
    return this.#waiting.filter((entry) => entry.tenantId === tenantId).length
  }
}
