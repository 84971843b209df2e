import { connect, type Socket } from "node:net"
import type { Duplex } from "node:stream"
import { type FaultMode, slowAnswerMs } from "./fault-modes.ts"

const trickleEveryMs = 1_000

/** The proxy, as its connections see it. */
export interface ConnectionOwner {
  readonly mode: FaultMode
  swallowed(): void
  forwarded(): void
}

/** One client's connection and the one to the server that belongs to it. */
export class Connection {
  /** Set when bytes were held back, so that the connection cannot be used any more. */
  lostBytes = false
  readonly #client: Socket
  readonly #stream: Duplex
  readonly #owner: ConnectionOwner
  #upstream: Socket | undefined
  readonly #timers = new Set<NodeJS.Timeout>()

  /** @param client - the raw socket @param stream - what carries the client's bytes: the socket, or TLS on it */
  constructor(client: Socket, stream: Duplex, owner: ConnectionOwner) {
    this.#client = client
    this.#stream = stream
    this.#owner = owner
    // Errors of either side show to the other side as the end of the connection: that is all a proxy can say.
    client.on("error", () => this.destroy())
    stream.on("error", () => this.destroy())
    client.once("close", () => {
      for (const timer of this.#timers) clearTimeout(timer)
      this.#upstream?.destroy()
    })
  }

  /** Connects to the server and forwards, as the owner's mode at each moment says. */
  forwardTo(target: { readonly host: string; readonly port: number }): void {
    const upstream = connect({ ...target, noDelay: true })
    this.#upstream = upstream
    this.#stream.on("data", (chunk: Buffer) => this.#request(upstream, chunk))
    upstream.on("data", (chunk: Buffer) => this.#answer(chunk))
    this.#stream.once("end", () => upstream.end())
    upstream.once("end", () => {
      if (!this.lostBytes) this.#stream.end()
    })
    upstream.on("error", () => this.destroy())
    upstream.once("close", () => {
      if (!this.lostBytes) this.#client.destroySoon()
    })
  }

  destroy(): void {
    this.#client.destroy()
  }

  reset(): void {
    if (!this.#client.destroyed) this.#client.resetAndDestroy()
  }

  /** Ends the connection in order. @returns when the client has closed it, too, or after a second */
  async drain(): Promise<void> {
    if (this.#client.destroyed) return
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(() => this.destroy(), 1_000)
      this.#client.once("close", () => {
        clearTimeout(giveUp)
        resolve()
      })
      this.#stream.end()
    })
  }

  #request(upstream: Socket, chunk: Buffer): void {
    const { mode } = this.#owner
    if (mode === "blackHole") {
      this.lostBytes = true
      this.#owner.swallowed()
    } else if (mode === "halfClose") {
      this.lostBytes = true
      this.#stream.end()
    } else {
      upstream.write(chunk)
      this.#owner.forwarded()
    }
  }

  #answer(chunk: Buffer): void {
    const { mode } = this.#owner
    if (mode === "blackHole" || mode === "halfClose") {
      this.lostBytes = true
    } else if (mode === "resetMidway") {
      this.lostBytes = true
      this.#stream.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => this.reset())
    } else if (mode === "trickle") {
      this.lostBytes = true
      this.#later(trickleEveryMs, () => this.#trickle(chunk, 0))
    } else if (mode === "slow") {
      this.lostBytes = true
      this.#later(slowAnswerMs, () => this.#stream.write(chunk))
    } else {
      this.#stream.write(chunk)
    }
  }

  #trickle(chunk: Buffer, position: number): void {
    this.#stream.write(chunk.subarray(position, position + 1))
    if (position + 1 < chunk.length) this.#later(trickleEveryMs, () => this.#trickle(chunk, position + 1))
  }

  #later(delayMs: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (this.#stream.writable) work()
    }, delayMs)
    timer.unref()
    this.#timers.add(timer)
  }
}
