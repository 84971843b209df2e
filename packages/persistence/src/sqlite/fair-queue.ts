/** Admits one holder at a time, first come, first served. */
export class FairQueue {
  #tail: Promise<void> = Promise.resolve()

  /** Waits for the caller's turn. @returns a function that ends the turn; calling it twice is harmless */
  async enter(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const before = this.#tail
    this.#tail = promise
    await before
    return resolve
  }
}
