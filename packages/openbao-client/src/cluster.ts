import { type CallOptions, type Clock, isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, pluginError, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { HealthAnswer, OpenBaoAnswer } from "./answer.ts"
import { sealedError } from "./errors.ts"
import type { OpenBaoRequest, Wire } from "./wire.ts"

/** Arguments of {@link createCluster}. */
export interface ClusterOptions {
  /** One for each node. */
  readonly nodes: readonly Wire[]
  readonly clock: Clock
  /** Longest time for one request, in milliseconds; a call tries other nodes for up to twice as long. */
  readonly requestTimeoutMs: number
}

const longestLookMs = 2_000
const pauseMs = 250
const failures: readonly string[] = ["UNREACHABLE", "TIMED_OUT", "SEALED"]

/** Puts the nodes of one cluster behind one {@link Wire}. A single node is used as it is: it may be a load balancer. */
export function createCluster(options: ClusterOptions): Wire {
  const [only] = options.nodes
  return only !== undefined && options.nodes.length === 1 ? only : new Cluster(options)
}

/**
 * Several nodes of one cluster. It finds the active node by `sys/health` and stays with it. When that node fails, a
 * repeatable request goes to the next one within the same call, also during an election; any other request is sent
 * once.
 */
class Cluster implements Wire {
  readonly namespace: string | undefined
  readonly #nodes: readonly Wire[]
  readonly #clock: Clock
  readonly #requestTimeoutMs: number
  #active: Wire | undefined
  #clusterId: string | undefined

  constructor({ nodes, clock, requestTimeoutMs }: ClusterOptions) {
    this.namespace = nodes[0]?.namespace
    this.#nodes = nodes
    this.#clock = clock
    this.#requestTimeoutMs = requestTimeoutMs
  }

  async send(request: OpenBaoRequest, token: string | undefined, call: CallOptions): Promise<OpenBaoAnswer> {
    const { repeatable = request.method !== "POST" } = request
    const giveUpAtMs = this.#clock.monotonicMs() + 2 * this.#requestTimeoutMs
    for (let attempt = 1; ; attempt += 1) {
      const node = this.#active ?? (await this.#findActive(call))
      try {
        return await node.send(request, token, call)
      } catch (error) {
        if (!isFailure(error)) throw error
        if (this.#active === node) this.#active = undefined
        if (!repeatable || call.signal.aborted || this.#clock.monotonicMs() >= giveUpAtMs) throw error
      }
      // The second attempt goes at once to the node that has taken over; later ones wait for an election.
      if (attempt > 1) await this.#pause(call)
    }
  }

  async health(call: CallOptions): Promise<HealthAnswer> {
    try {
      return await (this.#active ?? (await this.#findActive(call))).health(call)
    } catch (error) {
      this.#active = undefined
      if (call.signal.aborted || !isFailure(error)) throw error
      // Any node that answers can report the state, e.g. that it is sealed.
      return Promise.any(this.#nodes.map((node) => node.health(call))).catch(() => {
        throw error
      })
    }
  }

  /** Asks all nodes at once; the first active one wins, so that a node that hangs delays nothing. */
  async #findActive(call: CallOptions): Promise<Wire> {
    const deadline = withDeadline(call.signal, Math.min(longestLookMs, this.#requestTimeoutMs), this.#clock)
    const look = new Look()
    const looks = this.#nodes.map((node) => this.#examine(node, look, { ...call, signal: deadline.signal }))
    // The first time, wait for every node: they must all agree on the cluster id.
    if (this.#clusterId === undefined) await Promise.allSettled(looks)
    try {
      if (look.errors.some(isForeign)) throw new Error("not one cluster")
      this.#active = await Promise.any(looks)
      return this.#active
    } catch {
      if (call.signal.aborted) throw abortReason(call.signal)
      if (look.errors.some(isForeign)) this.#clusterId = undefined
      return look.substitute()
    } finally {
      deadline.dispose()
    }
  }

  /** Resolves for the active node only; anything else goes into `look`. */
  async #examine(node: Wire, look: Look, call: CallOptions): Promise<Wire> {
    try {
      const state = await node.health(call)
      if (state.sealed || !state.initialized) look.sealed += 1
      else if (!this.#isOfThisCluster(state)) throw otherCluster()
      else if (!state.standby) return node
      else look.standbys.push(node)
    } catch (error) {
      look.errors.push(error)
    }
    throw new Error("not the active node")
  }

  /** A wrap made by one cluster opens in no other: better no answer than an answer from the wrong cluster. */
  #isOfThisCluster({ cluster_id: stated }: HealthAnswer): boolean {
    this.#clusterId ??= stated
    return stated === this.#clusterId
  }

  async #pause(call: CallOptions): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#clock.after(pauseMs, resolve)
    await abortable(promise, call.signal).finally(cancel)
  }
}

/** The findings of one look at all nodes, apart from the active node. */
class Look {
  readonly standbys: Wire[] = []
  readonly errors: unknown[] = []
  sealed = 0

  /** Returns the node to use while none is active. @throws the reason why there is none */
  substitute(): Wire {
    const foreign = this.errors.find(isForeign)
    if (foreign !== undefined) throw foreign
    // It forwards to the active node, or reports that there is none yet.
    const [standby] = this.standbys
    if (standby !== undefined) return standby
    throw this.sealed > 0 ? sealedError() : this.errors[0]
  }
}

function isFailure(error: unknown): boolean {
  // An address that the operator forbids is the caller's fault, and stays forbidden.
  return isPluginError(error) && failures.includes(error.code) && error.origin !== "caller"
}

function isForeign(error: unknown): boolean {
  return isPluginError(error) && error.code === "BAD_RESPONSE"
}

function otherCluster(): PluginError {
  return pluginError(
    "BAD_RESPONSE",
    "The addresses lead to nodes of different OpenBao clusters.",
    "Check cluster_addresses: every address must be a node of the cluster at vault_address.",
  )
}
