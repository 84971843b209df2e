import { once } from "node:events"
import { Worker } from "node:worker_threads"

/** A TCP proxy on 127.0.0.1 that delays the server's data. */
export interface DelayProxy {
  readonly port: number
  /** Highest number of simultaneously open connections since the last call. */
  mostConnections(): Promise<number>
  stop(): Promise<void>
}

/** Starts a proxy in a separate thread, so that its work does not count as the caller's event-loop lag. */
export async function startDelayProxy(targetPort: number, delayMs: number): Promise<DelayProxy> {
  const worker = new Worker(new URL("delay-proxy-worker.ts", import.meta.url), { workerData: { targetPort, delayMs } })
  const [port] = await once(worker, "message")
  return {
    port: Number(port),
    async mostConnections() {
      worker.postMessage("connections")
      const [most] = await once(worker, "message")
      return Number(most)
    },
    async stop() {
      await worker.terminate()
    },
  }
}
