/** Lets one holder in at a time, in the order of asking. */
export class FairQueue {
  #tail: Promise<void> = Promise.resolve()

  /** @returns once it is the caller's turn, a function that ends the turn; calling it twice is harmless */
  async enter(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = this.#tail
    this.#tail = promise
    await before
    return resolve
  }
}
