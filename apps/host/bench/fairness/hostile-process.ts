import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { constants, setPriority } from "node:os"
import { fileURLToPath } from "node:url"
import type { AttackOrder } from "./attacks.ts"

/** An attack that runs. */
export interface RunningAttack {
  stop(): Promise<void>
}

/**
 * Starts an attack in a process of its own. It gets the processor last: a hostile client has a machine of its own, and takes
 * from the host only what the host gives it.
 */
export async function startAttack(order: AttackOrder): Promise<RunningAttack> {
  const child = fork(fileURLToPath(new URL("hostile-main.ts", import.meta.url)), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  })
  setPriority(processIdOf(child), constants.priority.PRIORITY_LOW)
  child.send(order)
  await once(child, "message")
  return {
    async stop() {
      const ended = once(child, "exit")
      child.kill("SIGKILL")
      await ended
    },
  }
}

function processIdOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("the attack did not start")
  return pid
}
