import { createHmac } from "node:crypto"
import type { IdempotencyRepository, IdempotencyTicket, StoredResponse } from "@apeiro-cmk/persistence"
import type { Logger } from "@apeiro-cmk/plugin-interface"
import * as z from "zod"
import { auditActor, type Principal } from "../auth/principal.ts"
import { callerError, HostError, invalidRequest } from "../errors.ts"
import type { Answer } from "./answer.ts"
import type { Route } from "./route.ts"

/** 1 to 255 visible ASCII characters. */
export const saneIdempotencyKey = /^[!-~]{1,255}$/

/** A request that creates something. */
export interface CreationRequest {
  readonly route: Route
  /** The header `Idempotency-Key`. */
  readonly key: string | readonly string[] | undefined
  readonly principal: Principal
  readonly params: unknown
  readonly body: unknown
  readonly work: () => Promise<Answer<unknown>>
}

/** Makes creation happen once for each `Idempotency-Key`; a repeated request gets the first one's answer. */
export interface Idempotency {
  /**
   * Runs the work, or gives the answer of the same request that ran before. Requests in parallel wait for the first;
   * when that fails, the next one tries: only successes are kept, for as long as the database keeps them.
   *
   * @throws {HostError} INVALID_REQUEST - a malformed key
   * @throws {HostError} IDEMPOTENCY_KEY_REUSED - the key came with another request before
   * @throws {HostError} IDEMPOTENCY_IN_PROGRESS - another process works on it, or died while it did
   */
  runOnce(request: CreationRequest): Promise<Answer<unknown>>
}

const storedAnswer = z.strictObject({ body: z.unknown(), headers: z.record(z.string(), z.string()) })

/**
 * Makes an {@link Idempotency}.
 *
 * @param fingerprintKey - keys the fingerprints of requests: a body may hold a secret that is easy to guess, and a plain
 * hash in the database would let its thief try guesses
 */
export function createIdempotency(
  repository: IdempotencyRepository,
  fingerprintKey: Uint8Array,
  logger: Logger,
): Idempotency {
  const running = new Map<string, Promise<unknown>>()

  const attempt = async (request: CreationRequest, key: string): Promise<Answer<unknown>> => {
    const subject = `${auditActor(request.principal).id} ${request.route.method} ${request.route.path}`
    const fingerprint = createHmac("sha256", fingerprintKey).update(JSON.stringify([request.params, request.body]))
    const decided = await repository.begin({ subject, key, requestHash: fingerprint.digest("hex") })
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
        return perform(request, decided.ticket)
    }
  }

  const perform = async (request: CreationRequest, ticket: IdempotencyTicket): Promise<Answer<unknown>> => {
    const answer = await request.work().catch(async (error: unknown) => {
      await repository
        .abandon(ticket)
        .catch((reason: unknown) => note("a failed creation could not be given up", reason))
      throw error
    })
    if (answer.kind !== "document") return answer
    const body = JSON.stringify({ body: request.route.storable(answer.body), headers: answer.headers })
    // It has happened, and the caller must hear of it, also when the answer cannot be kept for a repetition.
    await repository
      .complete(ticket, { status: request.route.response.status, body })
      .catch((reason: unknown) => note("the answer to a creation could not be kept", reason))
    return answer
  }

  const note = (message: string, reason: unknown) =>
    logger.warn(message, { reason: reason instanceof Error ? reason.message : typeof reason })

  return {
    runOnce: async (request) => {
      if (request.key === undefined) return request.work()
      const key = checkedKey(request.key)
      const lane = JSON.stringify([auditActor(request.principal).id, request.route.path, key])
      for (let before = running.get(lane); before !== undefined; before = running.get(lane)) await before
      const mine = attempt(request, key)
      const ended = mine.then(
        () => undefined,
        () => undefined,
      )
      running.set(lane, ended)
      try {
        return await mine
      } finally {
        running.delete(lane)
      }
    },
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

/** When to look again, in milliseconds: what another host works on is most likely done long before it is given up. */
const lookAgainMs = 1000

function inProgress(givenUpAfterMs: number): HostError {
  return new HostError("IDEMPOTENCY_IN_PROGRESS", "A request with this Idempotency-Key has begun and has not ended.", {
    origin: "caller",
    retryable: true,
    nextStep: "Send it again later; or look whether what it creates is there.",
    retryAfterMs: Math.min(givenUpAfterMs, lookAgainMs),
  })
}
