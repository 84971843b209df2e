import { once } from "node:events"
import { createServer } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"

/** A proxy on loopback that tunnels (CONNECT) and writes down where to. */
export interface ConnectProxy extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Requested targets, as `host:port`, in order. */
  readonly targets: readonly string[]
  /** Requests that came without a tunnel. */
  readonly untunnelled: readonly string[]
}

/**
 * Starts the proxy. @param route - the port that a target really leads to; `undefined` refuses it with 403. Default: the same port
 * of 127.0.0.1
 */
export async function connectProxy(
  route: (target: string) => number | undefined = (target) => Number(target.split(":").at(-1)),
): Promise<ConnectProxy> {
  const targets: string[] = []
  const untunnelled: string[] = []
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on("error", () => socket.destroy())
    socket.on("close", () => sockets.delete(socket))
  }
  const server = createServer((request, response) => {
    untunnelled.push(request.url ?? "")
    response.writeHead(405).end()
  })
  server.on("connection", keep)
  server.on("connect", (request, near: Socket) => {
    const target = request.url ?? ""
    targets.push(target)
    const port = route(target)
    if (port === undefined) {
      near.end("HTTP/1.1 403 Forbidden\r\n\r\n")
      return
    }
    const far = connect(port, "127.0.0.1", () => {
      near.write("HTTP/1.1 200 Connection Established\r\n\r\n")
      far.pipe(near).pipe(far)
    })
    keep(far)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    targets,
    untunnelled,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close")
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
