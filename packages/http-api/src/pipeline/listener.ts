import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import type { Clock, Logger } from "@apeiro-cmk/plugin-interface"
import { HttpApiError } from "../errors.ts"
import { DroppedConnections } from "./dropped-connections.ts"
import type { InFlight } from "./in-flight.ts"
import { defaultListenerLimits, type ListenerLimits } from "./listener-limits.ts"
import { answerUnreadable } from "./unreadable-request.ts"

/** Longest pause between checks of the time-outs, in milliseconds. */
const timeoutCheckMs = 5000
const largestHeaderBytes = 16 * 1024

/** Address to listen on, and the key of the profile that states it. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** E.g. `listeners.api`, for the message of an error. */
  readonly profileKey: string
}

/** Tools of a listener. */
export interface ListenerTools {
  readonly inFlight: InFlight
  readonly clock: Clock
  readonly logger: Logger
  /** Default: {@link defaultListenerLimits}. */
  readonly limits?: ListenerLimits
}

/** An open listener. */
export interface OpenListener {
  /** E.g. `http://127.0.0.1:8470`. */
  readonly url: string
  /**
   * Waits for what was accepted, then takes no new connection and closes every old one. Drain the requests
   * before: new ones are refused from then on.
   * @param graceMs - longest wait for accepted work, in milliseconds; then its connections are ended
   */
  close(graceMs: number): Promise<void>
}

/**
 * Opens a listener.
 *
 * @throws {HttpApiError} PORT_IN_USE - another process listens there
 * @throws {HttpApiError} LISTEN_FAILED - the address does not belong to this machine, or the port needs privileges
 */
export async function openListener(
  handler: RequestListener,
  address: ListenAddress,
  tools: ListenerTools,
): Promise<OpenListener> {
  const { inFlight, clock, logger, limits = defaultListenerLimits } = tools
  const { headersTimeoutMs, requestTimeoutMs } = limits
  const server = createServer(
    {
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(timeoutCheckMs, headersTimeoutMs, requestTimeoutMs),
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      maxHeaderSize: largestHeaderBytes,
      // Node's own refusal has no body, so the handler refuses.
      requireHostHeader: false,
    },
    handler,
  )
  // The handler says when a caller that asks first may send its body, and ignores any other expectation.
  server.on("checkContinue", handler)
  server.on("checkExpectation", handler)
  const answers = new WeakMap<Duplex, ServerResponse>()
  for (const event of ["request", "checkContinue", "checkExpectation"]) {
    server.on(event, (request: { socket: Duplex }, response: ServerResponse) => answers.set(request.socket, response))
  }
  const isAnswering = (socket: Duplex) => {
    const answer = answers.get(socket)
    return answer?.headersSent === true && !answer.writableFinished
  }
  server.on("clientError", answerUnreadable(tools, isAnswering))
  server.maxConnections = limits.maximumConnections
  const dropped = new DroppedConnections(clock, logger)
  server.on("drop", () => dropped.add())
  // The size bounds the headers. A bound on their number would hide the rest from whoever looks for a header sent twice.
  server.maxHeadersCount = 0
  await listen(server, address)
  return {
    url: urlOf(server, address.host),
    close: (graceMs) => close(server, inFlight, graceMs, clock),
  }
}

function listen(server: Server, { host, port, profileKey }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, host, port, profileKey)))
    server.listen({ host, port, exclusive: true }, resolve)
  })
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number, profileKey: string): HttpApiError {
  if (error.code === "EADDRINUSE") {
    return new HttpApiError("PORT_IN_USE", `Port ${port} on ${host} is in use by another process.`, {
      origin: "host",
      retryable: false,
      nextStep: `Stop the other process (perhaps a host that still runs), or set another ${profileKey}.port in the profile; 0 takes a free one.`,
      cause: error,
    })
  }
  return new HttpApiError(
    "LISTEN_FAILED",
    `The host cannot listen on ${host}, port ${port} (${error.code ?? error.name}).`,
    {
      origin: "host",
      retryable: false,
      nextStep: `Set ${profileKey}.host to an address of this machine, and ${profileKey}.port to one that this user may open.`,
      cause: error,
    },
  )
}

function urlOf(server: Server, host: string): string {
  const address: AddressInfo | string | null = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`
}

async function close(server: Server, inFlight: InFlight, graceMs: number, clock: Clock): Promise<void> {
  const isIdle = await within(inFlight.idle(), graceMs, clock)
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  if (!isIdle) {
    // The callers see their connection end, and the work is aborted by its signal.
    server.closeAllConnections()
    await within(inFlight.idle(), lastWordMs, clock)
  }
  server.closeIdleConnections()
  if (!(await within(closed, lastWordMs, clock))) server.closeAllConnections()
  await closed
}

/** Longest wait for answers that are being sent, in milliseconds. */
const lastWordMs = 2000

/** Waits for work. @returns false when the time is over first */
async function within(work: Promise<void>, timeMs: number, clock: Clock): Promise<boolean> {
  let cancel: (() => void) | undefined
  const over = new Promise<boolean>((resolve) => {
    cancel = clock.after(timeMs, () => resolve(false))
  })
  try {
    return await Promise.race([work.then(() => true), over])
  } finally {
    cancel?.()
  }
}
