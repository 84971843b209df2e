import { once } from "node:events"
import { createServer, type Server } from "node:http"
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
  const proxy = new TunnellingProxy(route)
  await proxy.listen()
  return proxy
}

class TunnellingProxy implements ConnectProxy {
  readonly targets: string[] = []
  readonly untunnelled: string[] = []
  readonly #route: (target: string) => number | undefined
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  #port = 0

  constructor(route: (target: string) => number | undefined) {
    this.#route = route
    this.#server = createServer((request, response) => {
      this.untunnelled.push(request.url ?? "")
      response.writeHead(405).end()
    })
    this.#server.on("connection", (socket) => this.#keep(socket))
    this.#server.on("connect", ({ url }, near: Socket) => this.#tunnel(url ?? "", near))
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1")
    await once(this.#server, "listening")
    const { port } = this.#server.address() as AddressInfo
    this.#port = port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close")
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on("error", () => socket.destroy())
    socket.on("close", () => this.#sockets.delete(socket))
  }

  #tunnel(target: string, near: Socket): void {
    this.targets.push(target)
    const port = this.#route(target)
    if (port === undefined) {
      near.end("HTTP/1.1 403 Forbidden\r\n\r\n")
      return
    }
    const far = connect(port, "127.0.0.1", () => {
      near.write("HTTP/1.1 200 Connection Established\r\n\r\n")
      far.pipe(near).pipe(far)
    })
    this.#keep(far)
  }
}
