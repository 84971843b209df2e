import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises"
import { concurrentLoad } from "../../src/concurrent-load.ts"
import type { BenchToken } from "./contestants.ts"

/** A way in which a token's process or its device fails, and comes back. */
export interface Disturbance {
  readonly name: string
  disturb(processId: number): Promise<void>
}

/** What the disturbances are, on one token. */
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

/** @returns milliseconds from the disturbance to the first operation that began after it and succeeded */
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
      await nextTurn() // the next one at once, as callers that are many would
    }
  }
}

/** 99th percentiles in milliseconds of one token: alone, alone once more, and while another one hangs and is replaced. */
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
  // It fails, as it should: its token has been stopped.
  const hanging = other().catch(() => undefined)
  const beside = await load()
  await hanging
  return { alone, again, beside }
}
