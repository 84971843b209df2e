import { once } from "node:events"
import { Worker } from "node:worker_threads"
import * as z from "zod"

const ready = z.object({ proxyPort: z.int() })

/** Surroundings of the hosts: a name server on which some names are dead, and an OpenBao on which one login hangs. */
export interface Neighbourhood {
  /** Port of the OpenBao on 127.0.0.1. Requests below `/v1/auth/hanging/` never get an answer. */
  readonly openBaoPort: number
  stop(): Promise<void>
}

/** Address of the name server, which a host reaches by a `resolv.conf` of its own. */
export const nameServerAddress = "127.0.0.153"

/** Name that the name server knows: 127.0.0.1. Names that begin with `slow` get no answer at all. */
export const openBaoName = "openbao.fairness.test"

/**
 * Starts the neighbourhood in a thread of its own, so that it does not delay the client that measures.
 * @param withNames - starts the name server, for which the process must be root
 */
export async function startNeighbourhood(openBaoPort: number, withNames: boolean): Promise<Neighbourhood> {
  const worker = new Worker(new URL("neighbourhood-worker.ts", import.meta.url), {
    workerData: { openBaoPort, withNames },
  })
  const [message] = await once(worker, "message")
  return {
    openBaoPort: ready.parse(message).proxyPort,
    async stop() {
      await worker.terminate()
    },
  }
}
