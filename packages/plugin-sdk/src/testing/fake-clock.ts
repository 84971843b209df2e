import type { Clock } from "@apeiro-cmk/plugin-interface"

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves both clocks on, firing each timer at its moment, and lets the work that it sets off go on in between. */
  advance(milliseconds: number): Promise<void>
  /** Moves the wall clock alone, as an operator or NTP does; no timer fires. Negative goes back. */
  jumpWall(milliseconds: number): void
  /** How many timers are waiting. */
  pendingTimers(): number
}

/** Makes a {@link FakeClock}. @param startMs - what its wall clock shows, milliseconds since the Unix epoch */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let elapsedMs = 0
  let wallOffsetMs = startMs
  const timers = new Set<{ readonly dueMs: number; readonly callback: () => void }>()

  const nextDue = (untilMs: number) =>
    [...timers].filter((timer) => timer.dueMs <= untilMs).toSorted((left, right) => left.dueMs - right.dueMs)[0]

  return {
    nowMs: () => wallOffsetMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    after(delayMs, callback) {
      const timer = { dueMs: elapsedMs + Math.max(0, delayMs), callback }
      timers.add(timer)
      return () => {
        timers.delete(timer)
      }
    },
    async advance(milliseconds) {
      const untilMs = elapsedMs + milliseconds
      await settled()
      for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        timers.delete(timer)
        elapsedMs = Math.max(elapsedMs, timer.dueMs)
        timer.callback()
        await settled()
      }
      elapsedMs = untilMs
    },
    jumpWall(milliseconds) {
      wallOffsetMs += milliseconds
    },
    pendingTimers: () => timers.size,
  }
}

/** Lets promise reactions and what is ready in the event loop run. */
async function settled(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve))
}
