import { once } from "node:events"
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http"
import { createServer as createTlsServer, type ServerOptions } from "node:https"
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net"
import { Worker } from "node:worker_threads"

/** A server on a free port of loopback that counts its connections. */
export interface TestServer {
  readonly port: number
  readonly sockets: ReadonlySet<Socket>
  /** Connections since the start. */
  connections(): number
  /** Resolves when so many HTTP requests have arrived. */
  reached(requests: number): Promise<void>
  /** Resolves when no connection is open any more. */
  empty(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts an HTTP server. @param tls - makes it HTTPS */
export async function httpServer(
  listener: RequestListener,
  { tls, host = "127.0.0.1" }: { readonly tls?: ServerOptions; readonly host?: string } = {},
): Promise<TestServer> {
  return counted(tls === undefined ? createHttpServer(listener) : createTlsServer(tls, listener), host)
}

/** Starts a raw TCP server, for answers that are not HTTP. */
export async function tcpServer(onSocket: (socket: Socket) => void): Promise<TestServer> {
  return counted(createTcpServer(onSocket), "127.0.0.1")
}

async function counted(server: Server | ReturnType<typeof createTcpServer>, host: string): Promise<TestServer> {
  const sockets = new Set<Socket>()
  let count = 0
  let requests = 0
  let onEmpty = () => {}
  let onRequest = () => {}
  server.on("request", () => {
    requests += 1
    onRequest()
  })
  server.on("connection", (socket: Socket) => {
    count += 1
    sockets.add(socket)
    // A reset by the client is what several tests are about.
    socket.on("error", () => {})
    socket.on("close", () => {
      sockets.delete(socket)
      if (sockets.size === 0) onEmpty()
    })
  })
  server.listen(0, host)
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    port,
    sockets,
    connections: () => count,
    reached: (wanted) =>
      new Promise((resolve) => {
        onRequest = () => (requests >= wanted ? resolve() : undefined)
        onRequest()
      }),
    empty: () =>
      new Promise((resolve) => {
        if (sockets.size === 0) resolve()
        else onEmpty = resolve
      }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close")
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/**
 * Opens a port of loopback at which connecting never ends, like a host that drops packets: a listener whose queue of
 * connections is full, in a thread that accepts none.
 */
export async function blackHole(): Promise<Pick<TestServer, "port"> & AsyncDisposable> {
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads")
     const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
       parentPort.postMessage(server.address().port)
       Atomics.wait(new Int32Array(workerData), 0, 0)
       process.exit()
     })`,
    { eval: true, workerData: new SharedArrayBuffer(4) },
  )
  const [port]: unknown[] = await once(worker, "message")
  if (typeof port !== "number") throw new Error("The thread did not say its port.")
  const fillers = Array.from({ length: 6 }, () => connect(port, "127.0.0.1").on("error", () => {}))
  // A backlog of 1 lets two connections in; from then on the kernel drops the others.
  await Promise.all(fillers.slice(0, 2).map((socket) => once(socket, "connect")))
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of fillers) socket.destroy()
      await worker.terminate()
    },
  }
}
