import { KeyHierarchyError } from "./error.ts"

/** Everything that an answer about a data key depends on. */
interface LeasedAnswerParts<Result> {
  readonly read: () => Result
  readonly plaintext: Uint8Array
  /** Tells whether a lease of each tenant key that took part holds at this moment. */
  readonly holds: () => boolean
  /** Records that the answer was not given, although its operation is in the audit log. */
  readonly recordRefusal: (refusal: KeyHierarchyError) => Promise<unknown>
}

/**
 * An answer about a data key whose audit entry is durable, and which may be given only while its tenant key is leased.
 * {@link giveTogether} gives it.
 */
export class LeasedAnswer<Result> {
  readonly #parts: LeasedAnswerParts<Result>

  constructor(parts: LeasedAnswerParts<Result>) {
    this.#parts = parts
  }

  /** The result; good only until the answer is given or refused, because then its plaintext is filled with zeros. */
  get result(): Result {
    return this.#parts.read()
  }

  /** Makes the same answer in another form, which is written whenever it is read. */
  as<Form>(write: (result: Result) => Form): LeasedAnswer<Form> {
    return new LeasedAnswer({ ...this.#parts, read: () => write(this.#parts.read()) })
  }

  /** Tells whether the answer may be given now, that is, before the next `await`. */
  holds(): boolean {
    return this.#parts.holds()
  }

  /**
   * Destroys the plaintext, and records the refusal.
   * @returns LEASE_ENDED, or the `AuditError` where the refusal could not be recorded
   */
  async refuse(): Promise<unknown> {
    this.discard()
    const refusal = leaseEndedBeforeAnswer()
    try {
      await this.#parts.recordRefusal(refusal)
      return refusal
    } catch (unrecorded) {
      return unrecorded
    }
  }

  /** Fills the plaintext with zeros. */
  discard(): void {
    this.#parts.plaintext.fill(0)
  }
}

/**
 * Gives answers, all in the same step. One whose tenant key is no longer leased is refused first, however late this shows:
 * the last look at the leases and the giving are one piece of synchronous work. Every plaintext is filled with zeros.
 *
 * @param settled - the answers; a failure stays a failure
 * @param prepare - receives the outcomes, in the same order, and does whatever takes time. It returns what gives the answer;
 * only that hands anything out. Called again where a lease ended meanwhile
 */
export async function giveTogether<Result>(
  settled: readonly PromiseSettledResult<LeasedAnswer<Result>>[],
  prepare: (outcomes: readonly PromiseSettledResult<Result>[]) => () => void,
): Promise<void> {
  try {
    for (let answers = settled; ; ) {
      answers = await Promise.all(answers.map(refusedUnlessHeld))
      const give = prepare(answers.map(outcomeOf))
      if (answers.every(mayBeGiven)) return give()
    }
  } finally {
    for (const answer of settled) if (answer.status === "fulfilled") answer.value.discard()
  }
}

type Settled<Result> = PromiseSettledResult<LeasedAnswer<Result>>

function mayBeGiven<Result>(answer: Settled<Result>): boolean {
  return answer.status === "rejected" || answer.value.holds()
}

async function refusedUnlessHeld<Result>(answer: Settled<Result>): Promise<Settled<Result>> {
  if (answer.status === "rejected" || answer.value.holds()) return answer
  return { status: "rejected", reason: await answer.value.refuse() }
}

function outcomeOf<Result>(answer: Settled<Result>): PromiseSettledResult<Result> {
  return answer.status === "rejected" ? answer : { status: "fulfilled", value: answer.value.result }
}

function leaseEndedBeforeAnswer(): KeyHierarchyError {
  return new KeyHierarchyError("LEASE_ENDED", "The lease of the tenant key ended before the answer could be given.", {
    origin: "host",
    retryable: true,
    nextStep:
      "Try again. If the keystore did not refuse the key meanwhile, the host was too slow: look at its database, or lengthen the tenant's lease.",
  })
}
