import { abortable } from "@apeiro-cmk/plugin-sdk"

/** Runs work of the same name one after the other; work whose caller gave up while it waited is not begun. */
export function createSerializer(): <T>(name: string, signal: AbortSignal, work: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>()
  return (name, signal, work) => {
    const before = tails.get(name) ?? Promise.resolve()
    // Only the wait is cut short: work that has begun hears the signal itself, and records how it ended.
    const result = abortable(before, signal).then(work)
    const tail = Promise.allSettled([before, result]).finally(() => {
      if (tails.get(name) === tail) tails.delete(name)
    })
    tails.set(name, tail)
    return result
  }
}
