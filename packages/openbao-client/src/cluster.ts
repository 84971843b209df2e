import { type CallOptions, type Clock, isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, pluginError, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { HealthAnswer, OpenBaoAnswer } from "./answer.ts"
import { noActiveNode, sealedError } from "./errors.ts"
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
 * Several nodes of one cluster, of which only the active one is asked. A standby answers from its own copy, which lacks a
 * revocation as long as it is cut off from the active node. So the node states before each request that it is active: its
 * copy is then at least as new as the beginning of the call, but for the time in which a node that was cut off notices
 * that it no longer leads.
 *
 * It stays with the active node. When that one fails, a repeatable request goes to the next one within the same call, also
 * during an election; any other request is sent once.
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
    const isOver = () => call.signal.aborted || this.#clock.monotonicMs() >= giveUpAtMs
    for (let attempt = 1; ; attempt += 1) {
      const look = await this.#look(call)
      if (look.active === undefined && (!look.mayChange() || isOver())) throw look.error()
      try {
        if (look.active !== undefined) return await look.active.node.send(request, token, call)
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
    if (look.active !== undefined) return look.active.state
    // Any node that answers can report the state, e.g. that it is sealed.
    const state = look.states.find(({ sealed }) => !sealed) ?? look.states[0]
    if (state === undefined || look.errors.some(isForeign)) throw look.error()
    return state
  }

  /**
   * Asks the node that was active last whether it still is, and otherwise all nodes at once: then the first active one
   * wins, so that a node that hangs delays nothing.
   */
  async #look(call: CallOptions): Promise<Look> {
    if (this.#active !== undefined) {
      const known = await this.#lookAt([this.#active], call)
      if (known.active !== undefined) return known
    }
    const look = await this.#lookAt(this.#nodes, call)
    this.#active = look.active?.node
    return look
  }

  async #lookAt(nodes: readonly Wire[], call: CallOptions): Promise<Look> {
    const deadline = withDeadline(call.signal, Math.min(longestLookMs, this.#requestTimeoutMs), this.#clock)
    const look = new Look()
    const examinations = nodes.map((node) => this.#examine(node, look, { ...call, signal: deadline.signal }))
    // The first time, wait for every node: they must all agree on the cluster id.
    if (this.#clusterId === undefined) await Promise.allSettled(examinations)
    await Promise.any(examinations).catch(() => undefined)
    deadline.dispose()
    if (call.signal.aborted) throw abortReason(call.signal)
    if (look.errors.some(isForeign)) {
      look.active = undefined
      this.#clusterId = undefined
    }
    return look
  }

  /** Resolves for the active node only; the findings go into `look`. */
  async #examine(node: Wire, look: Look, call: CallOptions): Promise<void> {
    try {
      const state = await node.health(call)
      if (!state.sealed && state.initialized && !this.#isOfThisCluster(state)) throw otherCluster()
      if (!state.sealed && state.initialized && !state.standby) {
        look.active ??= { node, state }
        return
      }
      look.states.push(state)
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

/** The findings of one look at the nodes. */
class Look {
  active: { readonly node: Wire; readonly state: HealthAnswer } | undefined
  /** States of the nodes that answered and are not active. */
  readonly states: HealthAnswer[] = []
  readonly errors: unknown[] = []

  /** Tells whether a node answered that takes over when the active one is gone. */
  hasStandby(): boolean {
    return this.states.some(({ sealed, initialized, standby }) => !sealed && initialized && standby)
  }

  /** Tells whether another look may find an active node soon: during an election, or while nodes are slow to answer. */
  mayChange(): boolean {
    return this.hasStandby() || this.errors.some((error) => isPluginError(error) && error.code === "TIMED_OUT")
  }

  /** Says why no node is active. */
  error(): unknown {
    const foreign = this.errors.find(isForeign)
    if (foreign !== undefined) return foreign
    if (this.hasStandby()) return noActiveNode()
    return this.states.length > 0 ? sealedError() : this.errors[0]
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
