import type { RequestHandler } from "express"
import { HostError } from "../errors.ts"

/** Counts what was accepted, and refuses what comes after the end began. */
export interface InFlight {
  /** Counts a request until its response closes; refuses it when the end has begun. */
  readonly track: RequestHandler
  /** Counts a piece of work that may outlive its response. @returns what to call at its end, once */
  hold(): () => void
  isDraining(): boolean
  /** Accepts nothing from now on. */
  drain(): void
  /** Resolves when everything that was accepted has ended. */
  idle(): Promise<void>
}

/** Makes an {@link InFlight}. */
export function createInFlight(): InFlight {
  let running = 0
  let draining = false
  const waiting = new Set<() => void>()
  const release = () => {
    running--
    if (running > 0) return
    for (const resolve of waiting) resolve()
    waiting.clear()
  }
  const hold = () => {
    running++
    return release
  }
  return {
    track: (_request, response, next) => {
      if (draining) {
        response.set("Connection", "close")
        throw shuttingDown()
      }
      response.once("close", hold())
      next()
    },
    hold,
    isDraining: () => draining,
    drain: () => {
      draining = true
    },
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
  }
}

function shuttingDown(): HostError {
  return new HostError("SHUTTING_DOWN", "The host is shutting down.", {
    origin: "host",
    retryable: true,
    nextStep: "Send the request again, to another replica or when the host is back.",
    retryAfterMs: 1000,
  })
}
