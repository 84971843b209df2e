import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"

/**
 * What the proxy does to connections.
 * - `pass` - forwards.
 * - `refuse` - closes what is open, and nobody listens: new connections are refused.
 * - `reset` - resets what is open, and each new connection as soon as it is made.
 * - `blackHole` - keeps and accepts connections, and swallows every byte in both directions.
 */
export type FaultMode = "pass" | "refuse" | "reset" | "blackHole"

/** A TCP proxy on 127.0.0.1 whose faults can be switched while connections are open. */
export interface TcpFaultProxy {
  readonly host: string
  /** Stays the same in every mode. */
  readonly port: number
  /** Connections from clients that are open now. */
  readonly openSockets: number
  /** Connections from clients that were ever accepted. */
  readonly acceptedSockets: number
  /** Resolves when the mode is in force. Leaving `blackHole` resets the connections that lost bytes. */
  setMode(mode: FaultMode): Promise<void>
  /** Resolves when the next bytes of a client have been swallowed by `blackHole`: a call is then under way. */
  nextSwallowedBytes(): Promise<void>
  /** Closes everything. Idempotent. */
  close(): Promise<void>
}

/** Starts a proxy in front of a server; it begins in the mode `pass`. */
export async function tcpFaultProxy(options: {
  readonly target: { readonly host: string; readonly port: number }
}): Promise<TcpFaultProxy> {
  const proxy = new FaultProxy(options.target)
  await proxy.listen(0)
  return proxy
}

interface Pair {
  readonly client: Socket
  readonly upstream: Socket
  lostBytes: boolean
}

class FaultProxy implements TcpFaultProxy {
  readonly host = "127.0.0.1"
  port = 0
  acceptedSockets = 0
  #mode: FaultMode = "pass"
  #server: Server | undefined
  readonly #target: { readonly host: string; readonly port: number }
  readonly #pairs = new Set<Pair>()
  #swallowWaiters: (() => void)[] = []

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
  }

  get openSockets(): number {
    return this.#pairs.size
  }

  async listen(port: number): Promise<void> {
    const server = createServer({ noDelay: true }, (client) => this.#accept(client))
    server.listen(port, this.host)
    await once(server, "listening")
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the port of the proxy is unknown")
    this.port = address.port
    this.#server = server
  }

  async setMode(mode: FaultMode): Promise<void> {
    this.#mode = mode
    for (const pair of this.#pairs) {
      if (mode === "refuse") destroy(pair)
      else if (mode === "reset" || (mode === "pass" && pair.lostBytes)) reset(pair)
    }
    if (mode === "refuse") await this.#stopListening()
    else if (this.#server === undefined) await this.listen(this.port)
  }

  async nextSwallowedBytes(): Promise<void> {
    await new Promise<void>((resolve) => this.#swallowWaiters.push(resolve))
  }

  async close(): Promise<void> {
    this.#mode = "refuse"
    for (const pair of this.#pairs) destroy(pair)
    await this.#stopListening()
  }

  #accept(client: Socket): void {
    this.acceptedSockets += 1
    const upstream = connect({ ...this.#target, noDelay: true })
    const pair: Pair = { client, upstream, lostBytes: false }
    this.#pairs.add(pair)
    client.on("data", (chunk) => this.#forward(pair, upstream, chunk, true))
    upstream.on("data", (chunk) => this.#forward(pair, client, chunk, false))
    client.once("end", () => upstream.end())
    upstream.once("end", () => client.end())
    // Errors of either side show to the other side as the end of the connection: that is all a proxy can say.
    client.on("error", () => destroy(pair))
    upstream.on("error", () => destroy(pair))
    client.once("close", () => {
      upstream.destroy()
      this.#pairs.delete(pair)
    })
    upstream.once("close", () => client.destroySoon())
    if (this.#mode === "reset") reset(pair)
  }

  #forward(pair: Pair, destination: Socket, chunk: Buffer, fromClient: boolean): void {
    if (this.#mode !== "blackHole") {
      destination.write(chunk)
      return
    }
    pair.lostBytes = true
    if (!fromClient) return
    const waiters = this.#swallowWaiters
    this.#swallowWaiters = []
    for (const resolve of waiters) resolve()
  }

  async #stopListening(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    await once(server.close(), "close")
  }
}

function destroy(pair: Pair): void {
  pair.client.destroy()
  pair.upstream.destroy()
}

function reset(pair: Pair): void {
  pair.client.resetAndDestroy()
  pair.upstream.destroy()
}
