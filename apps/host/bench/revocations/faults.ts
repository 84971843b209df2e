import { setTimeout as delay } from "node:timers/promises"
import type { PostgresServer } from "@apeiro-cmk/test-backends"
import type { HostProcess } from "../fairness/host-process.ts"

/** Everything that a fault can reach. */
export interface FaultScene {
  readonly host: HostProcess
  readonly postgres: PostgresServer
  /** Database of the host. */
  readonly database: string
}

/** One fault: it begins, the tenants revoke, and it ends. */
interface Fault {
  /** Runs `revoke` at its worst moment; resolves when the fault is over. */
  run(scene: FaultScene, revoke: () => Promise<void>): Promise<void>
}

/** Longer than the lease, so that an answer that waits through it is too late. */
const longMs = 3_500

/** Every fault. */
export const faults = {
  none: { run: (_scene, revoke) => revoke() },
  stopped: {
    async run({ host }, revoke) {
      process.kill(host.processId, "SIGSTOP")
      try {
        await revoke()
        await delay(longMs)
      } finally {
        process.kill(host.processId, "SIGCONT")
      }
    },
  },
  stoppedAfterRevocation: {
    async run({ host }, revoke) {
      await revoke()
      // A moment of the host's own choosing: some requests wait for the commit, some for the answer.
      await delay(Math.random() * 1_500)
      process.kill(host.processId, "SIGSTOP")
      await delay(longMs)
      process.kill(host.processId, "SIGCONT")
    },
  },
  locked: {
    async run({ postgres, database }, revoke) {
      const lock = postgres.sql(
        `begin; lock table audit_intake in access exclusive mode; select pg_sleep(${longMs / 1000}); commit`,
        database,
      )
      await delay(200)
      await revoke()
      await lock
    },
  },
} as const satisfies Readonly<Record<string, Fault>>

/** Name of a fault. */
export type FaultName = keyof typeof faults
