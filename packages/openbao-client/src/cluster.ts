import { type CallOptions, type Clock, isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, pluginError, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { HealthAnswer, OpenBaoAnswer } from "./answer.ts"
import { noActiveNode, sealedError } from "./errors.ts"
import { leaderOfMost } from "./leader-vote.ts"
import type { NodeWire, OpenBaoRequest, Wire } from "./wire.ts"

/** Arguments of {@link createCluster}. */
export interface ClusterOptions {
  /** One for each node, and every node of the cluster. */
  readonly nodes: readonly NodeWire[]
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
 * Several nodes of one cluster, of which only the active one is asked. A standby answers from its own copy, which lacks a
 * revocation as long as it is cut off from the active node. So most nodes say before each request that this node leads:
 * its copy is then at least as new as the beginning of the call.
 *
 * It stays with the active node. When that one fails, a repeatable request goes to the next one within the same call, also
 * during an election; any other request is sent once.
 */
class Cluster implements Wire {
  readonly namespace: string | undefined
  readonly #nodes: readonly NodeWire[]
  readonly #clock: Clock
  readonly #requestTimeoutMs: number
  #active: NodeWire | undefined
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
    const isOver = () => call.signal.aborted || this.#clock.monotonicMs() >= giveUpAtMs
    for (let attempt = 1; ; attempt += 1) {
      const look = await this.#look(call)
      if (look.active === undefined && (!look.mayChange() || isOver())) throw look.error()
      try {
        if (look.active !== undefined) return await look.active.send(request, token, call)
      } catch (error) {
        if (!isFailure(error)) throw error
        this.#active = undefined
        if (!repeatable || isOver()) throw error
      }
      // The second attempt goes at once to the node that has taken over; later ones wait for an election.
      if (attempt > 1) await this.#pause(call)
    }
  }

  async health(call: CallOptions): Promise<HealthAnswer> {
    const look = await this.#look(call)
    if (look.active !== undefined) return look.active.health(call)
    // Any node that answers can report the state, e.g. that it is sealed.
    const state = look.states.find(({ sealed }) => !sealed) ?? look.states[0]
    if (state === undefined || look.errors.some(isForeign)) throw look.error()
    return state
  }

  /** Looks for the node that leads now. One that was not active before is examined first, and all are where none leads. */
  async #look(call: CallOptions): Promise<Look> {
    const deadline = withDeadline(call.signal, Math.min(longestLookMs, this.#requestTimeoutMs), this.#clock)
    const within = { ...call, signal: deadline.signal }
    const look = new Look()
    try {
      const leader = await leaderOfMost(this.#nodes, within)
      if (leader === undefined || leader !== this.#active) {
        // The first time, every node is examined: they must all agree on the cluster id.
        const isFirst = this.#clusterId === undefined || leader === undefined
        const examined = isFirst ? this.#nodes : [leader]
        await Promise.all(examined.map((node) => this.#examine(node, look, within)))
      }
      if (look.errors.some(isForeign)) this.#clusterId = undefined
      else if (leader !== undefined && (leader === this.#active || look.isActive(leader))) look.active = leader
    } finally {
      deadline.dispose()
    }
    if (call.signal.aborted) throw abortReason(call.signal)
    this.#active = look.active
    return look
  }

  /** Asks a node for its state; the findings go into `look`. */
  async #examine(node: NodeWire, look: Look, call: CallOptions): Promise<void> {
    try {
      const state = await node.health(call)
      if (!state.sealed && state.initialized && !this.#isOfThisCluster(state)) throw otherCluster()
      look.found.set(node, state)
    } catch (error) {
      look.errors.push(error)
    }
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

/** The findings of one look at the nodes. */
class Look {
  /** The node that leads. */
  active: NodeWire | undefined
  /** States of the nodes that were examined and answered. */
  readonly found = new Map<NodeWire, HealthAnswer>()
  readonly errors: unknown[] = []

  get states(): readonly HealthAnswer[] {
    return [...this.found.values()]
  }

  isActive(node: NodeWire): boolean {
    const state = this.found.get(node)
    return state !== undefined && !state.sealed && state.initialized && !state.standby
  }

  /** Tells whether another look may find an active node soon: during an election, or while nodes are slow to answer. */
  mayChange(): boolean {
    if (this.errors.some(isForeign)) return false
    return this.isServing() || this.errors.some((error) => isPluginError(error) && error.code === "TIMED_OUT")
  }

  /** Says why no node is active. */
  error(): unknown {
    const foreign = this.errors.find(isForeign)
    if (foreign !== undefined) return foreign
    if (this.isServing()) return noActiveNode()
    return this.states.length > 0 ? sealedError() : this.errors[0]
  }

  /** Tells whether a node answers that is not sealed. */
  isServing(): boolean {
    return this.states.some(({ sealed, initialized }) => !sealed && initialized)
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
