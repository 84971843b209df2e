import { randomBytes } from "node:crypto"
import type { Clock, RandomSource } from "@apeiro-cmk/plugin-interface"

/** Node's timers take at most 2^31 - 1 ms and fire at once beyond it. */
const longestTimerMs = 2_147_483_647

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout
    const wait = (leftMs: number) => {
      const nowMs = Math.min(leftMs, longestTimerMs)
      timer = setTimeout(() => (leftMs > nowMs ? wait(leftMs - nowMs) : callback()), nowMs)
    }
    wait(delayMs)
    return () => clearTimeout(timer)
  },
}

/** The operating system's cryptographically secure generator. */
export const systemRandom: RandomSource = { bytes: (length) => randomBytes(length) }
