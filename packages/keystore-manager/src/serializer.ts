import { abortable } from "@apeiro-cmk/plugin-sdk"

/** Runs work of the same name one after the other. */
export class Serializer {
  readonly #tails = new Map<string, Promise<unknown>>()

  /**
   * Runs work once the earlier work of its name has ended.
   *
   * @param signal - ends the wait; work that has not begun by then never begins
   */
  run<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? Promise.resolve()
    // Only the wait is cut short: work that has begun hears the signal itself, and records its outcome.
    const result = abortable(before, signal).then(work)
    const tail = Promise.allSettled([before, result]).finally(() => {
      if (this.#tails.get(name) === tail) this.#tails.delete(name)
    })
    this.#tails.set(name, tail)
    return result
  }
}
