/**
 * Shares a bounded resource out among owners that compete for it: nobody may hold more than what is left free. One owner
 * alone gets at most half, two get a third each, and whoever comes next always finds room.
 *
 * The rule is the dynamic threshold of Choudhury and Hahne ("Dynamic queue length thresholds for shared-memory packet
 * switches", 1998) with the factor 1.
 */
export class FairShare {
  readonly #total: number
  readonly #held = new Map<string, number>()
  #used = 0

  /** @param total - how much there is, in whatever unit the amounts have */
  constructor(total: number) {
    this.#total = total
  }

  /**
   * Takes an amount for an owner.
   * @returns what to call, once, to give it back; undefined when the owner would hold more than what is left
   */
  take(owner: string, amount: number): (() => void) | undefined {
    return this.hasRoom(owner, amount) ? this.hold(owner, amount) : undefined
  }

  /** Tells whether an owner could take an amount now. Default: nothing more than it holds. */
  hasRoom(owner: string, amount = 0): boolean {
    return (this.#held.get(owner) ?? 0) + amount <= this.#total - this.#used - amount
  }

  /** Tells whether an owner holds anything. */
  holds(owner: string): boolean {
    return this.#held.has(owner)
  }

  /** Takes an amount that cannot be refused any more. @returns what to call, once, to give it back */
  hold(owner: string, amount: number): () => void {
    this.#change(owner, amount)
    return () => this.#change(owner, -amount)
  }

  #change(owner: string, amount: number): void {
    const held = (this.#held.get(owner) ?? 0) + amount
    this.#used += amount
    if (held > 0) this.#held.set(owner, held)
    else this.#held.delete(owner)
  }
}
