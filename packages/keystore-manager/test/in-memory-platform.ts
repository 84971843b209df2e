import type { PreparedAuditEntry } from "@apeiro-cmk/audit-log"
import { CodedError } from "@apeiro-cmk/plugin-interface"
import type {
  PlatformJob,
  PlatformJobQueue,
  PlatformKeystoreChange,
  PlatformKeystoreRecord,
  PlatformKeystoreRepository,
  PlatformKeystoreState,
  PlatformKeystoreTarget,
} from "../src/index.ts"

/** Keeps platform keystores in memory, with the rules of the port. */
export class InMemoryPlatformKeystores implements PlatformKeystoreRepository {
  readonly records = new Map<string, PlatformKeystoreRecord>()
  readonly audit: PreparedAuditEntry[] = []
  /** Identities that claims and wraps name. */
  readonly identitiesInUse: string[] = []

  async platformKeystore(target: PlatformKeystoreTarget) {
    return this.records.get(idOf(target))
  }

  async platformKeystores({ after }: Parameters<PlatformKeystoreRepository["platformKeystores"]>[0]) {
    return after === undefined ? [...this.records.values()] : []
  }

  async insertPlatformKeystore(record: PlatformKeystoreRecord, audit: readonly PreparedAuditEntry[]) {
    this.records.set(idOf(record), record)
    this.audit.push(...audit)
  }

  async changePlatformKeystore(
    target: PlatformKeystoreTarget,
    from: PlatformKeystoreState,
    change: PlatformKeystoreChange,
    audit: readonly PreparedAuditEntry[],
  ) {
    const present = this.records.get(idOf(target))
    if (present?.state !== from) return false
    const { failure: _, ...kept } = present
    this.records.set(idOf(target), { ...kept, ...change })
    this.audit.push(...audit)
    return true
  }

  async beginPlatformKeystoreRemoval(
    ...[target, from, removal, change, audit]: Parameters<PlatformKeystoreRepository["beginPlatformKeystoreRemoval"]>
  ) {
    if (this.identitiesInUse.some((identity) => identity.startsWith(removal.identityPrefix))) {
      throw new CodedError("STILL_IN_USE", "In use.", { origin: "caller", retryable: false, nextStep: "Look." })
    }
    return this.changePlatformKeystore(target, from, change, audit)
  }

  async deletePlatformKeystore(...[target, , audit]: Parameters<PlatformKeystoreRepository["deletePlatformKeystore"]>) {
    if (this.records.get(idOf(target))?.state !== "removing") return false
    this.audit.push(...audit)
    return this.records.delete(idOf(target))
  }
}

/** Keeps jobs until a test runs them. */
export class InMemoryJobs implements PlatformJobQueue {
  readonly #waiting: PlatformJob["payload"][] = []
  #handler: ((job: PlatformJob) => Promise<void>) | undefined

  async enqueue(_: string, payload: PlatformJob["payload"]) {
    this.#waiting.push(payload)
  }

  async work(_: string, handler: (job: PlatformJob) => Promise<void>) {
    this.#handler = handler
    return { stop: async () => undefined }
  }

  /** Runs the oldest job once. */
  async run(jobId: string, attempt = 1): Promise<void> {
    const [payload] = this.#waiting
    if (payload === undefined || this.#handler === undefined) throw new Error("no job is waiting")
    await this.#handler({ jobId, payload, attempt, signal: new AbortController().signal })
    this.#waiting.shift()
  }
}

function idOf({ tenantId, keystoreId }: PlatformKeystoreTarget): string {
  return `${tenantId}/${keystoreId}`
}
