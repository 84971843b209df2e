import { createHmac } from "node:crypto"
import { auditActor, type Caller } from "@apeiro-cmk/access"
import type { IdempotencyRepository, IdempotencyTicket, StoredResponse } from "@apeiro-cmk/persistence"
import type { Logger } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { callerError, HttpApiError, invalidRequest } from "../errors.ts"
import type { Answer } from "./answer.ts"
import { saneIdempotencyKey } from "./idempotency-key.ts"
import type { Route } from "./route.ts"

/** A request that creates something. */
export interface CreationRequest {
  readonly route: Route
  /** The header `Idempotency-Key`. */
  readonly key: string | readonly string[] | undefined
  readonly caller: Caller
  readonly params: unknown
  readonly body: unknown
  readonly work: () => Promise<Answer<unknown>>
}

const storedAnswer = z.strictObject({ body: z.unknown(), headers: z.record(z.string(), z.string()) })

/** Makes creation happen once for each `Idempotency-Key`; a repeated request gets the first one's answer. */
export class Idempotency {
  readonly #repository: IdempotencyRepository
  readonly #fingerprintKey: Uint8Array
  readonly #logger: Logger
  readonly #running = new Map<string, Promise<unknown>>()

  /**
   * @param fingerprintKey - keys the fingerprints of requests: a body may hold a secret that is easy to guess, and a plain
   * hash in the database would let a thief try guesses
   */
  constructor(repository: IdempotencyRepository, fingerprintKey: Uint8Array, logger: Logger) {
    this.#repository = repository
    this.#fingerprintKey = fingerprintKey
    this.#logger = logger
  }

  /**
   * Runs the work, or returns the answer of the same request that ran before. Parallel requests wait for the first; when
   * that one fails, the next one tries. Only successes are kept, for as long as the database keeps them.
   *
   * @throws {HttpApiError} INVALID_REQUEST - a malformed key
   * @throws {HttpApiError} IDEMPOTENCY_KEY_REUSED - the key came with another request before
   * @throws {HttpApiError} IDEMPOTENCY_IN_PROGRESS - another process works on it, or died while it did
   * @throws {PersistenceError} IDEMPOTENCY_KEYS_EXHAUSTED - the tenant has used up its keys of a day
   */
  async runOnce(request: CreationRequest): Promise<Answer<unknown>> {
    if (request.key === undefined) return request.work()
    const key = checkedKey(request.key)
    const lane = JSON.stringify([auditActor(request.caller).id, request.route.path, key])
    for (let before = this.#running.get(lane); before !== undefined; before = this.#running.get(lane)) await before
    const mine = this.#attempt(request, key)
    const ended = mine.then(
      () => undefined,
      () => undefined,
    )
    this.#running.set(lane, ended)
    try {
      return await mine
    } finally {
      this.#running.delete(lane)
    }
  }

  async #attempt(request: CreationRequest, key: string): Promise<Answer<unknown>> {
    const subject = `${auditActor(request.caller).id} ${request.route.method} ${request.route.path}`
    const fingerprint = createHmac("sha256", this.#fingerprintKey)
    fingerprint.update(JSON.stringify([request.params, request.body]))
    const { caller } = request
    const decided = await this.#repository.begin({
      ...{ subject, key, requestHash: fingerprint.digest("hex") },
      ...(caller.type === "token" ? { tenantId: caller.tenantId } : {}),
    })
    switch (decided.decision) {
      case "replay":
        return replayed(decided.response)
      case "conflict":
        throw callerError(
          "IDEMPOTENCY_KEY_REUSED",
          "This Idempotency-Key came with another request before.",
          "Send a new key with a new request.",
        )
      case "wait":
        throw inProgress(decided.retryAfterMs)
      case "proceed":
        return this.#perform(request, decided.ticket)
    }
  }

  async #perform(request: CreationRequest, ticket: IdempotencyTicket): Promise<Answer<unknown>> {
    const answer = await request.work().catch(async (error: unknown) => {
      await this.#repository
        .abandon(ticket)
        .catch((reason: unknown) => this.#note("a failed creation could not be abandoned", reason))
      throw error
    })
    if (answer.kind !== "document") return answer
    const body = JSON.stringify({ body: request.route.storable(answer.body), headers: answer.headers })
    // The creation has happened, and the caller must learn of it, even when the answer cannot be kept for a repetition.
    await this.#repository
      .complete(ticket, { status: request.route.response.status, body })
      .catch((reason: unknown) => this.#note("the answer to a creation could not be kept", reason))
    return answer
  }

  #note(message: string, reason: unknown): void {
    this.#logger.warn(message, { reason: reason instanceof Error ? reason.message : typeof reason })
  }
}

function checkedKey(key: string | readonly string[]): string {
  if (typeof key === "string" && saneIdempotencyKey.test(key)) return key
  throw invalidRequest("The Idempotency-Key is not valid.", [
    { path: ["Idempotency-Key"], message: "must be 1 to 255 visible ASCII characters" },
  ])
}

function replayed(response: StoredResponse): Answer<unknown> {
  const { body, headers } = storedAnswer.parse(JSON.parse(response.body))
  return { kind: "document", body, headers: { ...headers, "Idempotency-Replayed": "true" } }
}

/** Longest pause before another try, in milliseconds: another host's work most likely ends long before it is abandoned. */
const lookAgainMs = 1000

function inProgress(givenUpAfterMs: number): HttpApiError {
  return new HttpApiError(
    "IDEMPOTENCY_IN_PROGRESS",
    "A request with this Idempotency-Key has begun and has not ended.",
    {
      origin: "caller",
      retryable: true,
      nextStep: "Send it again later, or check whether the resource exists.",
      retryAfterMs: Math.min(givenUpAfterMs, lookAgainMs),
    },
  )
}
