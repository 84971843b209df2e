import type { Socket } from "node:net"
import { Readable } from "node:stream"
import type { Clock } from "@apeiro-cmk/plugin-interface"
import type { Response } from "express"
import { FairShare } from "./fair-share.ts"
import { type ListenerLimits, uncountedBytes } from "./listener-limits.ts"
import { tooManyRequests } from "./too-many-requests.ts"
import { dropOverrun, leavesTooMuchUnread } from "./unread-body.ts"

/** Answers are written in slices of this size, so that a reader's progress shows. */
const sliceBytes = 64 * 1024

/**
 * Writes answers, and bounds what waits for slow readers: one long answer on a connection, a fair share for each tenant,
 * and a total. A reader that takes nothing for a while loses its connection.
 */
export class AnswerOutput {
  readonly #waiting: FairShare
  readonly #waitingOn = new WeakSet<Socket>()
  readonly #usualBytes: number
  readonly #slowReaderTimeoutMs: number
  readonly #clock: Clock

  constructor(
    { maximumWaitingBytes, slowReaderTimeoutMs }: Pick<ListenerLimits, "maximumWaitingBytes" | "slowReaderTimeoutMs">,
    clock: Clock,
  ) {
    this.#waiting = new FairShare(maximumWaitingBytes)
    this.#usualBytes = maximumWaitingBytes / 64
    this.#slowReaderTimeoutMs = slowReaderTimeoutMs
    this.#clock = clock
  }

  /** Refuses a request whose caller does not read the answers that it has. @throws {HttpApiError} TOO_MANY_REQUESTS */
  requireRoom(owner: string, socket: Socket): void {
    if (this.#waitingOn.has(socket)) throw unread("An earlier answer still waits on this connection.")
    // An answer is as good as refused where the room is nearly used up: better before the work than after it.
    if (!this.#waiting.hasRoom(owner, this.#waiting.holds(owner) ? this.#usualBytes : 0))
      throw unread("Too many bytes of earlier answers wait for their readers.")
  }

  /**
   * Writes a whole body, ends the response, and counts what waits for its reader.
   * @throws {HttpApiError} TOO_MANY_REQUESTS - to a request that only reads; nothing is written then
   */
  send(response: Response, owner: string, text: string): void {
    const bytes = Buffer.from(text)
    if (bytes.length > uncountedBytes && !response.destroyed) this.#count(response, owner, bytes.length)
    this.#write(response, bytes)
  }

  /** Does the same before it returns: all bytes are handed to the connection in one step. */
  sendAtOnce(response: Response, owner: string, bytes: Buffer): void {
    if (bytes.length > uncountedBytes) this.#count(response, owner, bytes.length)
    this.#write(response, bytes, "at once")
  }

  /** Does the same with a problem, which is short and never refused. */
  sendProblem(response: Response, text: string): void {
    this.#write(response, Buffer.from(text))
  }

  /** Ends the connection when its reader takes nothing of what waits for it. @returns what to call when all is written */
  watch(response: Response): () => void {
    const { socket } = response.req
    let taken = takenBy(socket)
    let cancel = () => {}
    const look = () => {
      const now = takenBy(socket)
      if (now === taken && socket.writableLength > 0) socket.destroy()
      else if (!response.destroyed) {
        taken = now
        cancel = this.#clock.after(this.#slowReaderTimeoutMs, look)
      }
    }
    cancel = this.#clock.after(this.#slowReaderTimeoutMs, look)
    return () => cancel()
  }

  #write(response: Response, bytes: Buffer, pace: "in slices" | "at once" = "in slices"): void {
    const { req: request } = response
    // A caller that has gone by now: nothing would ever tell that its answer has ended.
    if (response.destroyed) return
    response.set("Content-Length", String(bytes.length))
    if (leavesTooMuchUnread(request)) {
      response.set("Connection", "close").write(bytes)
      void dropOverrun(request, this.#clock).then(() => response.end())
    } else if (pace === "in slices" && bytes.length > sliceBytes) Readable.from(slicesOf(bytes)).pipe(response)
    else response.end(bytes)
    const isTaken = response.writableEnded && request.socket.writableLength + response.writableLength === 0
    if (!isTaken) response.once("close", this.watch(response))
  }

  #count(response: Response, owner: string, bytes: number): void {
    const { method, socket } = response.req
    // Whoever has changed something must learn of it.
    const isRefusable = method === "GET" || method === "HEAD"
    const release = isRefusable ? this.#waiting.take(owner, bytes) : this.#waiting.hold(owner, bytes)
    if (release === undefined) throw unread("Too many bytes of earlier answers wait for their readers.")
    this.#waitingOn.add(socket)
    response.once("close", () => {
      this.#waitingOn.delete(socket)
      release()
    })
  }
}

/** Counts the bytes that the operating system has taken: all that were written, without those that wait. */
function takenBy(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength
}

function* slicesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += sliceBytes) yield bytes.subarray(start, start + sliceBytes)
}

function unread(message: string): Error {
  return tooManyRequests(message, "Read the answers to the end, and ask for fewer at a time.")
}
