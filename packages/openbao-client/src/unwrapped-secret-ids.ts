import { createHash } from "node:crypto"

const longestMemory = 16

/**
 * Holds in memory the secret ids that the keystores of one tenant have unwrapped at one server: a wrapping token can be
 * unwrapped only once, whereas every test and every change opens the keystore again. Holds at most 16, of lost answers as
 * well, and forgets the oldest first.
 */
export class UnwrappedSecretIds {
  readonly #secretIds = new Map<string, Promise<string>>()
  readonly #lost = new Set<string>()

  /** Unwraps once for all callers with the same wrapping token. A failure is not kept. */
  async once(wrappingToken: string, work: () => Promise<string>): Promise<string> {
    const name = digestOf(wrappingToken)
    const known = this.#secretIds.get(name)
    if (known !== undefined) return known
    const [oldest] = this.#secretIds.keys()
    if (oldest !== undefined && this.#secretIds.size >= longestMemory) this.#secretIds.delete(oldest)
    const working = work()
    this.#secretIds.set(name, working)
    try {
      return await working
    } catch (error) {
      this.#secretIds.delete(name)
      throw error
    }
  }

  /**
   * Notes that the answer to an unwrapping did not arrive, so that this host itself may have used up the wrapping
   * token.
   */
  answerWasLost(wrappingToken: string): void {
    this.#lost.add(digestOf(wrappingToken))
    const [oldest] = this.#lost
    if (oldest !== undefined && this.#lost.size > longestMemory) this.#lost.delete(oldest)
  }

  /** Tells whether the answer to an unwrapping of this wrapping token did not arrive. */
  hasLostAnswer(wrappingToken: string): boolean {
    return this.#lost.has(digestOf(wrappingToken))
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}
