import type { Clock } from "@apeiro-cmk/plugin-interface"

/** A clock that stands still until a test advances it. */
export interface FakeClock extends Clock {
  /** Advances both clocks, fires each timer when it is due, and lets the work that it starts proceed in between. */
  advance(milliseconds: number): Promise<void>
  /** Moves only the wall clock, as an operator or NTP does; no timer fires. A negative number moves it back. */
  jumpWall(milliseconds: number): void
  /** Returns how many timers are waiting. */
  pendingTimers(): number
}

/** Makes a {@link FakeClock}. @param startMs - initial time of its wall clock, milliseconds since the Unix epoch */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  return new StandingClock(startMs)
}

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
}

class StandingClock implements FakeClock {
  readonly #timers = new Set<Timer>()
  #elapsedMs = 0
  #wallOffsetMs: number

  constructor(startMs: number) {
    this.#wallOffsetMs = startMs
  }

  nowMs(): number {
    return this.#wallOffsetMs + this.#elapsedMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), callback }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  async advance(milliseconds: number): Promise<void> {
    const untilMs = this.#elapsedMs + milliseconds
    await settled()
    for (let timer = this.#nextDue(untilMs); timer !== undefined; timer = this.#nextDue(untilMs)) {
      this.#timers.delete(timer)
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs)
      timer.callback()
      await settled()
    }
    this.#elapsedMs = untilMs
  }

  jumpWall(milliseconds: number): void {
    this.#wallOffsetMs += milliseconds
  }

  pendingTimers(): number {
    return this.#timers.size
  }

  #nextDue(untilMs: number): Timer | undefined {
    const due = [...this.#timers].filter((timer) => timer.dueMs <= untilMs)
    return due.toSorted((left, right) => left.dueMs - right.dueMs)[0]
  }
}

/** Lets promise reactions and whatever is ready in the event loop run. */
async function settled(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve))
}
