import { createHash } from "node:crypto"

const longestMemory = 16

/**
 * The secret ids that one tenant's keystores at one server have unwrapped, in memory only: a wrapping token opens once,
 * while a keystore is opened for each test and each change. At most 16; the oldest is forgotten first.
 */
export class UnwrappedSecretIds {
  readonly #secretIds = new Map<string, Promise<string>>()
  readonly #lost = new Set<string>()

  /** Unwraps once for all who ask with the same wrapping token. A failure is not kept. */
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

  /** Notes that the answer to an unwrapping did not arrive: the wrapping token may be used up by ourselves. */
  answerWasLost(wrappingToken: string): void {
    this.#lost.add(digestOf(wrappingToken))
  }

  hasLostAnswer(wrappingToken: string): boolean {
    return this.#lost.has(digestOf(wrappingToken))
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}
