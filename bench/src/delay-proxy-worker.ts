import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { parentPort, workerData } from "node:worker_threads"
import * as z from "zod"

const { targetPort, delayMs } = z.object({ targetPort: z.int(), delayMs: z.number() }).parse(workerData)
let open = 0
let most = 0

/** Timers of equal length fire in the order in which they were set, so that data keeps its order. */
function forwardLate(from: Socket, to: Socket): void {
  from.on("data", (chunk) => {
    setTimeout(() => {
      if (!to.destroyed) to.write(chunk)
    }, delayMs)
  })
}

const server = createServer({ noDelay: true }, (client) => {
  const target = connect({ port: targetPort, host: "127.0.0.1", noDelay: true })
  open += 1
  most = Math.max(most, open)
  client.pipe(target)
  forwardLate(target, client)
  client.once("close", () => {
    open -= 1
    target.destroy()
  })
  target.once("close", () => client.destroy())
  for (const socket of [client, target]) socket.on("error", () => socket.destroy())
})
server.listen(0, "127.0.0.1")
await once(server, "listening")
parentPort?.postMessage((server.address() as AddressInfo).port)
parentPort?.on("message", () => {
  parentPort?.postMessage(most)
  most = open
})
