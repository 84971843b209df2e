import { randomInt } from "node:crypto"
import { once } from "node:events"
import { createServer, type Server, type Socket } from "node:net"
import type { Duplex } from "node:stream"
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls"
import { Connection, type ConnectionOwner } from "./connection.ts"
import { type AnswerFault, answerFaults, certificateFaults, connectionKind, type FaultMode } from "./fault-modes.ts"
import { faultyAnswers } from "./faulty-answers.ts"
import { reservePort } from "./reserved-port.ts"

/** A certificate chain with its key, PEM. */
export interface ProxyCertificate {
  readonly certificate: string
  readonly privateKey: string
}

/** The certificates of a proxy that speaks TLS with its clients, and plain TCP with the server. */
export interface ProxyCertificates {
  /** Valid, for 127.0.0.1, of the authority that the clients trust. */
  readonly valid: ProxyCertificate
  /** The same of another authority. */
  readonly foreignAuthority: ProxyCertificate
  /** Of the right authority, and expired. */
  readonly expiredCertificate: ProxyCertificate
}

/** A TCP proxy on 127.0.0.1 whose faults can be switched while connections are open. */
export interface TcpFaultProxy {
  readonly host: string
  /** Stays the same in every mode. */
  readonly port: number
  /** Connections from clients that are open now. */
  readonly openSockets: number
  /** Connections from clients that were ever accepted. */
  readonly acceptedSockets: number
  /** Resolves when the mode is in force. Leaving a mode that held bytes back resets the connections that lost them. */
  setMode(mode: FaultMode): Promise<void>
  /** Resolves when the next bytes of a client have been swallowed by `blackHole`: a call is then under way. */
  nextSwallowedBytes(): Promise<void>
  /** Resolves when the next bytes of a client are on their way to the server. */
  nextForwardedBytes(): Promise<void>
  /** Closes everything. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link tcpFaultProxy}. */
export interface TcpFaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
  /** Speaks TLS with clients and plain TCP with the target. Without it the proxy forwards what it is sent, TLS included. */
  readonly tls?: ProxyCertificates
}

/** Starts a proxy in front of a server; it begins in the mode `pass`. */
export async function tcpFaultProxy(options: TcpFaultProxyOptions): Promise<TcpFaultProxy> {
  const proxy = new FaultProxy(options)
  for (let attempt = 1; ; attempt += 1) {
    try {
      await proxy.listen(portOfNoClient())
      return proxy
    } catch (error) {
      if (attempt === 20 || !(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error
    }
  }
}

/** A port below those that systems give to outgoing connections: none of them can take it while `refuse` is being entered or left. */
function portOfNoClient(): number {
  return randomInt(10_000, 32_000)
}

class FaultProxy implements TcpFaultProxy, ConnectionOwner {
  readonly host = "127.0.0.1"
  port = 0
  acceptedSockets = 0
  mode: FaultMode = "pass"
  #server: Server | undefined
  #releasePort: (() => Promise<void>) | undefined
  readonly #options: TcpFaultProxyOptions
  readonly #connections = new Set<Connection>()
  #swallowWaiters: (() => void)[] = []
  #forwardWaiters: (() => void)[] = []

  constructor(options: TcpFaultProxyOptions) {
    this.#options = options
  }

  get openSockets(): number {
    return this.#connections.size
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
    if (this.#options.tls === undefined && certificateFaults.some((fault) => fault === mode)) {
      throw new Error(`the mode ${mode} needs the option tls`)
    }
    const otherKind = connectionKind(this.mode) !== connectionKind(mode)
    this.mode = mode
    for (const connection of this.#connections) {
      if (mode === "refuse") connection.destroy()
      else if (mode === "reset" || connection.lostBytes) connection.reset()
    }
    if (otherKind) await Promise.all([...this.#connections].map((connection) => connection.drain()))
    if (mode === "refuse") await this.#refuse()
    else if (this.#server === undefined) await this.#listenAgain()
    // A client in this process hears of a reset in the next turns of the loop: no call of it meets a dead connection.
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }

  async nextSwallowedBytes(): Promise<void> {
    await new Promise<void>((resolve) => this.#swallowWaiters.push(resolve))
  }

  async nextForwardedBytes(): Promise<void> {
    await new Promise<void>((resolve) => this.#forwardWaiters.push(resolve))
  }

  swallowed(): void {
    for (const resolve of this.#swallowWaiters.splice(0)) resolve()
  }

  forwarded(): void {
    for (const resolve of this.#forwardWaiters.splice(0)) resolve()
  }

  async close(): Promise<void> {
    this.mode = "refuse"
    for (const connection of this.#connections) connection.destroy()
    await this.#stopListening()
    await this.#release()
  }

  async #refuse(): Promise<void> {
    if (this.#server === undefined) return
    await this.#stopListening()
    this.#releasePort = await reservePort(this.port)
  }

  async #listenAgain(): Promise<void> {
    await this.#release()
    await this.listen(this.port)
  }

  async #release(): Promise<void> {
    const release = this.#releasePort
    this.#releasePort = undefined
    await release?.()
  }

  #accept(client: Socket): void {
    this.acceptedSockets += 1
    const stream = this.#streamOf(client)
    const connection = new Connection(client, stream, this)
    this.#connections.add(connection)
    client.once("close", () => this.#connections.delete(connection))
    const answer = answerFaults.find((fault) => fault === this.mode)
    if (this.mode === "reset") connection.reset()
    else if (answer === undefined) connection.forwardTo(this.#options.target)
    else answerOn(stream, answer)
  }

  #streamOf(client: Socket): Duplex {
    const { tls } = this.#options
    if (tls === undefined) return client
    return new TLSSocket(client, { isServer: true, secureContext: contextOf(tls, this.mode) })
  }

  async #stopListening(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    await once(server.close(), "close")
  }
}

function contextOf(certificates: ProxyCertificates, mode: FaultMode): SecureContext {
  const fault = certificateFaults.find((each) => each === mode)
  const { certificate, privateKey } = certificates[fault ?? "valid"]
  return createSecureContext({ cert: certificate, key: privateKey })
}

function answerOn(stream: Duplex, fault: AnswerFault): void {
  faultyAnswers(fault).emit("connection", stream)
}
