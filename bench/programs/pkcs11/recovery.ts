import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises"
import { concurrentLoad } from "../../src/concurrent-load.ts"
import type { BenchToken } from "./contestants.ts"

/** A way in which a token's process or its device fails and recovers. */
export interface Disturbance {
  readonly name: string
  disturb(processId: number): Promise<void>
}

/** The disturbances of one token. */
export function disturbances(token: BenchToken): readonly Disturbance[] {
  const deviceIsAway = { function: "C_DecryptInit", action: "return", number: 48, times: -1 } as const
  return [
    { name: "the token's process is killed", disturb: async (id) => void process.kill(id, "SIGKILL") },
    { name: "the token's process is stopped (SIGSTOP)", disturb: async (id) => void process.kill(id, "SIGSTOP") },
    {
      name: "the device is away, and back after 300 ms",
      async disturb() {
        await token.faults.control(deviceIsAway)
        void delay(300).then(() => token.faults.control())
      },
    },
  ]
}

/** @returns milliseconds from the disturbance to the first successful operation that began after it */
export async function timeToRecover(
  token: BenchToken,
  operation: () => Promise<unknown>,
  { disturb }: Disturbance,
): Promise<number> {
  await operation()
  const startedMs = performance.now()
  await disturb(token.lastProcess())
  for (;;) {
    try {
      await operation()
      return performance.now() - startedMs
    } catch {
      await nextTurn() // retries at once, as many callers together would
    }
  }
}

/** 99th percentiles in milliseconds of one token: alone, alone a second time, and while another token hangs and is replaced. */
export async function besideAnother(
  token: BenchToken,
  operation: () => Promise<unknown>,
  other: () => Promise<unknown>,
  seconds: number,
): Promise<{ readonly alone: number; readonly again: number; readonly beside: number }> {
  await other()
  const otherProcess = token.lastProcess()
  const load = async () => (await concurrentLoad(operation, 4, seconds)).p99Ms
  await load()
  const alone = await load()
  const again = await load()
  process.kill(otherProcess, "SIGSTOP")
  // Fails as expected, because its token was stopped.
  const hanging = other().catch(() => undefined)
  const beside = await load()
  await hanging
  return { alone, again, beside }
}
