import type { Socket } from "node:net"
import type { Caller } from "@apeiro-cmk/access"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import { AnswerOutput } from "./answer-output.ts"
import { FairShare } from "./fair-share.ts"
import type { ListenerLimits } from "./listener-limits.ts"
import { LoopShares } from "./loop-shares.ts"
import { tooManyRequests } from "./too-many-requests.ts"

/** Names who a share belongs to: a tenant, or the platform's administrator. */
export function ownerOf(caller: Caller): string {
  return caller.type === "token" ? `tenant ${caller.tenantId}` : caller.type
}

interface ConnectionOwner {
  readonly owner: string
  readonly release: () => void
}

/** Shares the requests, connections and waiting answers of one listener out among the tenants. */
export class ListenerShares {
  readonly output: AnswerOutput
  readonly loop: LoopShares
  readonly #requests: FairShare
  readonly #connections: FairShare
  readonly #ownerOf = new WeakMap<Socket, ConnectionOwner>()

  constructor(limits: ListenerLimits, clock: Clock) {
    this.output = new AnswerOutput(limits, clock)
    this.loop = new LoopShares(clock)
    this.#requests = new FairShare(limits.maximumRequests)
    this.#connections = new FairShare(limits.maximumConnections)
  }

  /**
   * Lets a request begin; its connection ends with the answer where its owner has too many of them.
   * @returns what to call, once, when its work has ended
   * @throws {HttpApiError} TOO_MANY_REQUESTS - the owner's share is used up
   */
  enter(owner: string, socket: Socket, response: { set(name: string, value: string): unknown }): () => void {
    this.output.requireRoom(owner, socket)
    const release = this.#requests.take(owner, 1)
    if (release === undefined) {
      throw tooManyRequests(
        "Too many requests of this tenant are in work.",
        "Send fewer at a time, and this one again a little later.",
      )
    }
    if (!this.#ownsConnection(owner, socket)) response.set("Connection", "close")
    return release
  }

  /** Counts a connection as its latest caller's. @returns false when that one has more than its share */
  #ownsConnection(owner: string, socket: Socket): boolean {
    const before = this.#ownerOf.get(socket)
    if (before?.owner === owner || socket.destroyed) return true
    this.#disown(socket)
    const release = this.#connections.take(owner, 1)
    if (release === undefined) return false
    if (before === undefined) socket.once("close", () => this.#disown(socket))
    this.#ownerOf.set(socket, { owner, release })
    return true
  }

  #disown(socket: Socket): void {
    this.#ownerOf.get(socket)?.release()
    this.#ownerOf.delete(socket)
  }
}
