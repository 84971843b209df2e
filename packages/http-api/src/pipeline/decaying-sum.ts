/** Adds up amounts, and forgets them: what was added a {@link lifeMs} ago counts for 1/e of it. */
export class DecayingSum {
  readonly #lifeMs: number
  #sum = 0
  #atMs = 0

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs
  }

  add(amount: number, nowMs: number): void {
    this.#sum = this.at(nowMs) + amount
    this.#atMs = nowMs
  }

  /** Gives what is left of all amounts at a moment, none earlier than the last addition. */
  at(nowMs: number): number {
    return this.#sum * Math.exp((this.#atMs - nowMs) / this.#lifeMs)
  }
}
