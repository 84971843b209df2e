import type { Kysely } from "kysely"
import { persistenceError } from "../errors.ts"
import type { IdempotencyDecision, IdempotencyRepository, IdempotencyTicket, IdempotentRequest } from "../ports.ts"
import type { Schema } from "../schema.ts"
import type { Store } from "../store.ts"

/** How idempotency keys age. */
export interface IdempotencyTimes {
  /** When a request that never completed is given up, in milliseconds; longer than any request may take. */
  readonly takeOverAfterMs: number
  /** How long an answer can be replayed, in milliseconds from the begin. */
  readonly retentionMs: number
}

/** Idempotency keys; `nowMs` is the wall clock. */
export function idempotencyRepository(
  store: Store,
  nowMs: () => number,
  times: IdempotencyTimes,
): IdempotencyRepository {
  return {
    async begin(request) {
      return store.transaction(async (transaction) => {
        const atMs = nowMs()
        await removeExpiredKey(transaction, request, atMs)
        if (await insertKey(transaction, request, atMs, atMs + times.retentionMs)) {
          return { decision: "proceed", ticket: ticket(request, 1) }
        }
        return decideOnKnownKey(transaction, request, atMs, times)
      })
    },

    async complete({ subject, key, attempt }, response) {
      const { numUpdatedRows } = await store.run((db) =>
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
    },

    async abandon({ subject, key, attempt }) {
      await store.run((db) =>
        db
          .deleteFrom("idempotency_keys")
          .where("subject", "=", subject)
          .where("idempotency_key", "=", key)
          .where("attempt", "=", attempt)
          .where("response_status", "is", null)
          .execute(),
      )
    },

    async removeExpired() {
      const { numDeletedRows } = await store.run((db) =>
        db.deleteFrom("idempotency_keys").where("expires_at_ms", "<=", nowMs()).executeTakeFirst(),
      )
      return Number(numDeletedRows)
    },
  }
}

function ticket({ subject, key }: IdempotentRequest, attempt: number): IdempotencyTicket {
  return { subject, key, attempt }
}

async function removeExpiredKey(db: Kysely<Schema>, request: IdempotentRequest, atMs: number): Promise<void> {
  await db
    .deleteFrom("idempotency_keys")
    .where("subject", "=", request.subject)
    .where("idempotency_key", "=", request.key)
    .where("expires_at_ms", "<=", atMs)
    .execute()
}

/** @returns whether the key was new */
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

async function decideOnKnownKey(
  db: Kysely<Schema>,
  request: IdempotentRequest,
  atMs: number,
  times: IdempotencyTimes,
): Promise<IdempotencyDecision> {
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
  const takeOverAtMs = known.begun_at_ms + times.takeOverAfterMs
  if (takeOverAtMs > atMs) return { decision: "wait", retryAfterMs: takeOverAtMs - atMs }
  return takeOver(db, request, known, atMs, times)
}

async function takeOver(
  db: Kysely<Schema>,
  request: IdempotentRequest,
  abandoned: Schema["idempotency_keys"],
  atMs: number,
  times: IdempotencyTimes,
): Promise<IdempotencyDecision> {
  const attempt = abandoned.attempt + 1
  const { numUpdatedRows } = await db
    .updateTable("idempotency_keys")
    .set({ attempt, begun_at_ms: atMs, expires_at_ms: atMs + times.retentionMs })
    .where("subject", "=", request.subject)
    .where("idempotency_key", "=", request.key)
    .where("attempt", "=", abandoned.attempt)
    .executeTakeFirst()
  if (numUpdatedRows === 1n) return { decision: "proceed", ticket: ticket(request, attempt) }
  return { decision: "wait", retryAfterMs: times.takeOverAfterMs }
}
