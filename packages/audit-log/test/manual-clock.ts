import type { Clock } from "@apeiro-cmk/plugin-interface"

/** A clock that stands still until it is advanced. */
export class ManualClock implements Clock {
  #nowMs = 1_764_000_000_000
  #timers: { readonly dueMs: number; readonly callback: () => void }[] = []

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Advances time, runs due timers in order, and waits until the work that they started has settled. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    await settled()
    for (;;) {
      const due = this.#timers.filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#nowMs = Math.max(this.#nowMs, due.dueMs)
      due.callback()
      await settled()
    }
    this.#nowMs = endMs
  }

  /** Sets the wall clock without advancing time. */
  jump(byMs: number): void {
    this.#nowMs += byMs
  }
}

/** Resolves when every promise that can settle on its own has settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
