import { describe, expect, it } from "vitest"
import type { IdempotencyDecision, IdempotencyTicket } from "../src/index.ts"
import { type TestEngine, testEngines } from "./support/engines.ts"
import { atMs } from "./support/samples.ts"

const engines = await testEngines()

const request = { subject: "token-1", key: "create-acme", requestHash: "hash-1" }
const response = { status: 201, body: '{"tenant_id":"acme"}' }

/** Opens an idempotency repository whose clock the test moves; take-over after 1 s, retention 10 s. */
async function setUp(engine: TestEngine) {
  const { open } = await engine.createDatabase()
  let nowMs = atMs
  const options = { clock: { nowMs: () => nowMs }, idempotency: { takeOverAfterMs: 1000, retentionMs: 10_000 } }
  const database = await open(options)
  return {
    idempotency: database.idempotency,
    advance: (byMs: number) => {
      nowMs += byMs
    },
    reopen: async () => {
      await database.close()
      return (await open(options)).idempotency
    },
  }
}

function ticketOf(decision: IdempotencyDecision): IdempotencyTicket {
  if (decision.decision !== "proceed") throw new Error(`expected to proceed, and not to ${decision.decision}`)
  return decision.ticket
}

describe.each(engines)("idempotency keys on $name", (engine) => {
  it("let one of many simultaneous requests proceed, and the others wait", async () => {
    const { idempotency } = await setUp(engine)
    const decisions = await Promise.all(Array.from({ length: 10 }, () => idempotency.begin(request)))
    expect(decisions.filter(({ decision }) => decision === "proceed")).toHaveLength(1)
    expect(decisions.filter(({ decision }) => decision === "wait")).toHaveLength(9)
    expect(decisions).toContainEqual({ decision: "wait", retryAfterMs: 1000 })
  })

  it("replay the stored answer exactly, even after a restart", async () => {
    const { idempotency, reopen } = await setUp(engine)
    expect(await idempotency.complete(ticketOf(await idempotency.begin(request)), response)).toBe(true)
    expect(await idempotency.begin(request)).toEqual({ decision: "replay", response })
    expect(await (await reopen()).begin(request)).toEqual({ decision: "replay", response })
  })

  it("conflict with another request, before and after the answer", async () => {
    const { idempotency } = await setUp(engine)
    const ticket = ticketOf(await idempotency.begin(request))
    expect(await idempotency.begin({ ...request, requestHash: "hash-2" })).toEqual({ decision: "conflict" })
    await idempotency.complete(ticket, response)
    expect(await idempotency.begin({ ...request, requestHash: "hash-2" })).toEqual({ decision: "conflict" })
  })

  it("of different subjects never collide", async () => {
    const { idempotency } = await setUp(engine)
    await idempotency.complete(ticketOf(await idempotency.begin(request)), response)
    expect(await idempotency.begin({ ...request, subject: "token-2" })).toMatchObject({ decision: "proceed" })
  })

  it("can be taken over after the take-over time, by one of many requests", async () => {
    const { idempotency, advance } = await setUp(engine)
    await idempotency.begin(request)
    advance(999)
    expect(await idempotency.begin(request)).toEqual({ decision: "wait", retryAfterMs: 1 })
    advance(1)
    const decisions = await Promise.all([idempotency.begin(request), idempotency.begin(request)])
    expect(decisions.toSorted((one, other) => one.decision.localeCompare(other.decision))).toEqual([
      { decision: "proceed", ticket: { subject: request.subject, key: request.key, attempt: 2 } },
      { decision: "wait", retryAfterMs: 1000 },
    ])
  })

  it("neither store the answer of a request that was taken over nor let it free the key", async () => {
    const { idempotency, advance } = await setUp(engine)
    const first = ticketOf(await idempotency.begin(request))
    advance(1000)
    const second = ticketOf(await idempotency.begin(request))
    expect(await idempotency.complete(first, { status: 500, body: "late" })).toBe(false)
    await idempotency.abandon(first)
    expect(await idempotency.begin(request)).toMatchObject({ decision: "wait" })
    expect(await idempotency.complete(second, response)).toBe(true)
    expect(await idempotency.complete(second, { status: 500, body: "twice" })).toBe(false)
    await idempotency.abandon(second)
    expect(await idempotency.begin(request)).toEqual({ decision: "replay", response })
  })

  it("are free immediately after a request is abandoned", async () => {
    const { idempotency } = await setUp(engine)
    await idempotency.abandon(ticketOf(await idempotency.begin(request)))
    expect(await idempotency.begin({ ...request, requestHash: "hash-2" })).toMatchObject({ decision: "proceed" })
  })

  it("expire: then they count as new, and can be removed", async () => {
    const { idempotency, advance } = await setUp(engine)
    await idempotency.complete(ticketOf(await idempotency.begin(request)), response)
    await idempotency.begin({ ...request, key: "second" })
    advance(9_999)
    expect(await idempotency.removeExpired()).toBe(0)
    await idempotency.begin({ ...request, key: "third" })
    advance(1)
    expect(await idempotency.begin({ ...request, requestHash: "hash-2" })).toMatchObject({ decision: "proceed" })
    expect(await idempotency.removeExpired()).toBe(1)
    expect(await idempotency.begin({ ...request, key: "third" })).toMatchObject({ decision: "wait" })
  })
})
