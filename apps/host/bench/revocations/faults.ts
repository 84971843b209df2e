import { setTimeout as delay } from "node:timers/promises"
import type { OpenBaoAdmin, OpenBaoCluster, OpenBaoServer, PostgresServer } from "@apeiro-cmk/test-backends"
import type { HostProcess } from "../fairness/host-process.ts"

/** Everything that a fault can reach. */
export interface FaultScene {
  readonly host: HostProcess
  readonly postgres: PostgresServer
  /** Database of the host. */
  readonly database: string
  readonly cluster: OpenBaoCluster
  /** The node that the tenants' configurations name first: a standby. */
  readonly namedFirst: OpenBaoServer
}

/** One fault: it begins, the tenants revoke, and it ends. */
interface Fault {
  /** Has the tenants revoke at the worst moment; resolves when the fault is over. */
  run(scene: FaultScene, revoke: (admin: OpenBaoAdmin) => Promise<void>): Promise<void>
}

/** Longer than the lease, so that an answer that waits through it is too late. */
const longMs = 3_500

const activeAdmin = async ({ cluster }: FaultScene) => (await leaderOf(cluster)).admin

/** Every fault. */
export const faults = {
  none: { run: async (scene, revoke) => revoke(await activeAdmin(scene)) },
  stopped: {
    async run(scene, revoke) {
      const { processId } = scene.host
      process.kill(processId, "SIGSTOP")
      await revoke(await activeAdmin(scene))
      await delay(longMs)
      process.kill(processId, "SIGCONT")
    },
  },
  stoppedAfterRevocation: {
    async run(scene, revoke) {
      await revoke(await activeAdmin(scene))
      // A moment of the host's own choosing: some requests wait for the commit, some for the answer.
      await delay(Math.random() * 1_500)
      process.kill(scene.host.processId, "SIGSTOP")
      await delay(longMs)
      process.kill(scene.host.processId, "SIGCONT")
    },
  },
  locked: {
    async run(scene, revoke) {
      const release = await scene.postgres.lockTable(scene.database, "audit_intake")
      await revoke(await activeAdmin(scene))
      await delay(longMs)
      await release()
    },
  },
  standbyCutOff: {
    async run(scene, revoke) {
      scene.cluster.isolate(scene.namedFirst)
      await revoke(await activeAdmin(scene))
      await delay(longMs)
      scene.cluster.heal()
    },
  },
  leaderCutOff: {
    async run({ cluster }, revoke) {
      const old = await leaderOf(cluster)
      cluster.isolate(old)
      await revoke((await leaderOf(cluster, old)).admin)
      await delay(longMs)
      cluster.heal()
    },
  },
} as const satisfies Readonly<Record<string, Fault>>

/** Name of a fault. */
export type FaultName = keyof typeof faults

/**
 * Finds the node that takes changes. Its own word is not enough: OpenBao 2.7.2 may call a node active long after another
 * one was elected.
 */
export async function leaderOf({ nodes }: OpenBaoCluster, except?: OpenBaoServer): Promise<OpenBaoServer> {
  for (;;) {
    for (const node of nodes) {
      if (node !== except && (await takesChanges(node))) return node
    }
    await delay(20)
  }
}

async function takesChanges(node: OpenBaoServer): Promise<boolean> {
  if ((await node.send({ method: "GET", path: "sys/health" })).status !== 200) return false
  return node.admin.writePolicy("leads", `path "nothing" { capabilities = ["read"] }`).then(
    () => true,
    () => false, // it does not lead: the caller asks the others
  )
}
