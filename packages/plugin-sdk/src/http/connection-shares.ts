import type { Caller, Clock } from "@apeiro-cmk/plugin-interface"
import { FairShares } from "../calls/fair-shares.ts"
import { pluginError } from "../errors/error-facts.ts"

/** Bodies of requests that wait are in memory. */
const mostWaitingPerTenant = 256

/** Options of {@link ConnectionShares}. */
export interface ConnectionSharesOptions {
  /** Connections per origin for the use of keys. */
  readonly connections: number
  /** Longest wait for a connection, in milliseconds. */
  readonly longestWaitMs: number
  readonly clock: Clock
}

/** Connections per origin of a pool that has `connections` of them for the use of keys: the sum of all shares. */
export function pooledConnections(connections: number): number {
  return connections + 2 * reserve(connections)
}

/** Logins and connection tests have as many connections each. */
function reserve(connections: number): number {
  return Math.max(2, Math.floor(connections / 4))
}

/** Shares the connections of one pool between tenants; by origin, and by what they serve: use, logins or tests. */
export class ConnectionShares {
  readonly #options: ConnectionSharesOptions
  readonly #shares = new Map<string, FairShares>()

  constructor(options: ConnectionSharesOptions) {
    this.#options = options
  }

  /**
   * Waits for a connection of the caller's share.
   *
   * @returns a function that gives it back
   * @throws {PluginError} THROTTLED - of origin `host`; or the reason of the signal
   */
  async take(origin: string, { tenantId, purpose }: Caller, signal: AbortSignal): Promise<() => void> {
    const name = `${purpose ?? "use"} ${origin}`
    const shares = this.#shares.get(name) ?? this.#sharesFor(purpose)
    this.#shares.set(name, shares)
    const release = await shares.take(tenantId, signal)
    return () => {
      release()
      if (shares.isIdle) this.#shares.delete(name)
    }
  }

  #sharesFor(purpose: Caller["purpose"]): FairShares {
    const { connections, longestWaitMs, clock } = this.#options
    const capacity = purpose === undefined ? connections : reserve(connections)
    return new FairShares({ capacity, mostWaitingPerTenant, longestWaitMs, clock, exhausted })
  }
}

function exhausted() {
  return pluginError(
    "THROTTLED",
    "The tenant's share of the connections to this server is in use.",
    "Try again in a moment; if it recurs, check whether the server is slow, or have the operator raise `connections`.",
    { origin: "host" },
  )
}
