import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { Kysely } from "kysely"
import { persistenceError } from "../errors.ts"
import type {
  IdempotencyDecision,
  IdempotencyRepository,
  IdempotencyTicket,
  IdempotentRequest,
  StoredResponse,
} from "../ports.ts"
import { bytesOf, type TenantQuotas } from "../quotas.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"

/** Ageing of idempotency keys. */
export interface IdempotencyTimes {
  /**
   * Time after which a request that never completed may be taken over, in milliseconds; longer than any request takes.
   */
  readonly takeOverAfterMs: number
  /** Time for which an answer can be replayed, in milliseconds from the start of the request. */
  readonly retentionMs: number
}

type IdempotencyRow = Schema["idempotency_keys"]

/** Stores idempotency keys and the answers to replay. */
export class StoredIdempotencyKeys implements IdempotencyRepository {
  readonly #store: Store
  readonly #clock: Pick<Clock, "nowMs">
  readonly #times: IdempotencyTimes
  readonly #quotas: TenantQuotas | undefined

  constructor(store: Store, clock: Pick<Clock, "nowMs">, times: IdempotencyTimes, quotas: TenantQuotas | undefined) {
    this.#store = store
    this.#clock = clock
    this.#times = times
    this.#quotas = quotas
  }

  async begin(request: IdempotentRequest): Promise<IdempotencyDecision> {
    await this.#requireQuota(request)
    return this.#store.transaction(async (transaction) => {
      const nowMs = this.#clock.nowMs()
      await removeExpiredKey(transaction, request, nowMs)
      if (await insertKey(transaction, request, nowMs, nowMs + this.#times.retentionMs)) {
        return { decision: "proceed", ticket: ticket(request, 1) }
      }
      return this.#decideOnKnownKey(transaction, request, nowMs)
    })
  }

  async complete({ subject, key, attempt }: IdempotencyTicket, response: StoredResponse): Promise<boolean> {
    const { numUpdatedRows } = await this.#store.run((db) =>
      db
        .updateTable("idempotency_keys")
        .set({ response_status: response.status, response_body: response.body })
        .where("subject", "=", subject)
        .where("idempotency_key", "=", key)
        .where("attempt", "=", attempt)
        .where("response_status", "is", null)
        .executeTakeFirst(),
    )
    return numUpdatedRows === 1n
  }

  async abandon({ subject, key, attempt }: IdempotencyTicket): Promise<void> {
    await this.#store.run((db) =>
      db
        .deleteFrom("idempotency_keys")
        .where("subject", "=", subject)
        .where("idempotency_key", "=", key)
        .where("attempt", "=", attempt)
        .where("response_status", "is", null)
        .execute(),
    )
  }

  async removeExpired(): Promise<number> {
    const nowMs = this.#clock.nowMs()
    const { numDeletedRows } = await this.#store.run((db) =>
      db.deleteFrom("idempotency_keys").where("expires_at_ms", "<=", nowMs).executeTakeFirst(),
    )
    return Number(numDeletedRows)
  }

  /** Counts before the transaction: tenants that create at the same time must not conflict in it. */
  async #requireQuota({ tenantId, subject, key }: IdempotentRequest): Promise<void> {
    const quotas = this.#quotas
    if (quotas === undefined || tenantId === undefined) return
    const nowMs = this.#clock.nowMs()
    const kept = await this.#store.run((db) =>
      db
        .selectFrom("idempotency_keys")
        .select((row) => [row.fn.countAll<number>().as("rows"), bytesOf("response_body").as("bytes")])
        .where("tenant_id", "=", tenantId)
        .where("expires_at_ms", ">", nowMs)
        .where((row) => row.not(row.and({ subject, idempotency_key: key })))
        .executeTakeFirstOrThrow(),
    )
    if (Number(kept.rows) < quotas.idempotencyKeys && Number(kept.bytes) < quotas.configurationBytes) return
    throw persistenceError("IDEMPOTENCY_KEYS_EXHAUSTED", "The tenant has used up its idempotency keys of a day.")
  }

  async #decideOnKnownKey(db: Kysely<Schema>, request: IdempotentRequest, nowMs: number): Promise<IdempotencyDecision> {
    const known = await db
      .selectFrom("idempotency_keys")
      .selectAll()
      .where("subject", "=", request.subject)
      .where("idempotency_key", "=", request.key)
      .executeTakeFirst()
    if (known === undefined) throw persistenceError("DATABASE_FAULT", "An idempotency key vanished in a transaction.")
    if (known.request_hash !== request.requestHash) return { decision: "conflict" }
    if (known.response_status !== null && known.response_body !== null) {
      return { decision: "replay", response: { status: known.response_status, body: known.response_body } }
    }
    const takeOverAtMs = known.begun_at_ms + this.#times.takeOverAfterMs
    if (takeOverAtMs > nowMs) return { decision: "wait", retryAfterMs: takeOverAtMs - nowMs }
    return this.#takeOver(db, request, known, nowMs)
  }

  async #takeOver(
    db: Kysely<Schema>,
    request: IdempotentRequest,
    abandoned: IdempotencyRow,
    nowMs: number,
  ): Promise<IdempotencyDecision> {
    const attempt = abandoned.attempt + 1
    const { numUpdatedRows } = await db
      .updateTable("idempotency_keys")
      .set({ attempt, begun_at_ms: nowMs, expires_at_ms: nowMs + this.#times.retentionMs })
      .where("subject", "=", request.subject)
      .where("idempotency_key", "=", request.key)
      .where("attempt", "=", abandoned.attempt)
      .executeTakeFirst()
    if (numUpdatedRows === 1n) return { decision: "proceed", ticket: ticket(request, attempt) }
    return { decision: "wait", retryAfterMs: this.#times.takeOverAfterMs }
  }
}

function ticket({ subject, key }: IdempotentRequest, attempt: number): IdempotencyTicket {
  return { subject, key, attempt }
}

async function removeExpiredKey(db: Kysely<Schema>, request: IdempotentRequest, nowMs: number): Promise<void> {
  await db
    .deleteFrom("idempotency_keys")
    .where("subject", "=", request.subject)
    .where("idempotency_key", "=", request.key)
    .where("expires_at_ms", "<=", nowMs)
    .execute()
}

/** Stores a key unless it is known. @returns whether the key was new */
async function insertKey(
  db: Kysely<Schema>,
  request: IdempotentRequest,
  begunAtMs: number,
  expiresAtMs: number,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("idempotency_keys")
    .values({
      subject: request.subject,
      idempotency_key: request.key,
      tenant_id: request.tenantId ?? null,
      request_hash: request.requestHash,
      attempt: 1,
      begun_at_ms: begunAtMs,
      expires_at_ms: expiresAtMs,
      response_status: null,
      response_body: null,
    })
    .onConflict((conflict) => conflict.columns(["subject", "idempotency_key"]).doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}
