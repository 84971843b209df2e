import { type CallOptions, type Clock, isPluginError, type PluginError } from "@apeiro-cmk/plugin-interface"
import { abortable, abortReason, pluginError, withDeadline } from "@apeiro-cmk/plugin-sdk"
import type { HealthAnswer } from "./answer.ts"
import { sealedError } from "./errors.ts"
import type { Wire } from "./wire.ts"

/** What {@link createCluster} needs. */
export interface ClusterOptions {
  /** One for each node. */
  readonly nodes: readonly Wire[]
  readonly clock: Clock
  /** Longest time for one request, in milliseconds; a call goes on to other nodes up to twice as long. */
  readonly requestTimeoutMs: number
}

const longestLookMs = 2_000
const pauseMs = 250
const failures: readonly string[] = ["UNREACHABLE", "TIMED_OUT", "SEALED"]

/**
 * Puts the nodes of one cluster behind one {@link Wire}. It finds the active node by `sys/health` and stays with it.
 * When that node fails, a repeatable request goes to the next one within the same call, also through an election; any
 * other request is sent once only.
 *
 * Of a single node it asks nothing: that one may be a load balancer.
 */
export function createCluster({ nodes, clock, requestTimeoutMs }: ClusterOptions): Wire {
  const [only] = nodes
  if (only !== undefined && nodes.length === 1) return only
  let active: Wire | undefined
  let clusterId: string | undefined

  const send: Wire["send"] = async (request, token, call) => {
    const { repeatable = request.method !== "POST" } = request
    const giveUpAtMs = clock.monotonicMs() + 2 * requestTimeoutMs
    for (let attempt = 1; ; attempt += 1) {
      const node = active ?? (await lookAround(call))
      try {
        return await node.send(request, token, call)
      } catch (error) {
        if (!isFailure(error)) throw error
        if (active === node) active = undefined
        if (!repeatable || call.signal.aborted || clock.monotonicMs() >= giveUpAtMs) throw error
      }
      // The second attempt is made at once, on the node that has taken over; later ones wait for an election.
      if (attempt > 1) await pause(call)
    }
  }

  /** All nodes are asked at once, and the first that is active wins: one that hangs delays nothing. */
  async function lookAround(call: CallOptions): Promise<Wire> {
    const deadline = withDeadline(call.signal, Math.min(longestLookMs, requestTimeoutMs), clock)
    const standbys: Wire[] = []
    const errors: unknown[] = []
    let sealed = 0
    const looks = nodes.map(async (node) => {
      try {
        const state = await node.health({ ...call, signal: deadline.signal })
        if (state.sealed || !state.initialized) sealed += 1
        else if (isOfThisCluster(state)) {
          if (!state.standby) return node
          standbys.push(node)
        } else throw otherCluster()
      } catch (error) {
        errors.push(error)
      }
      throw new Error("not the active node")
    })
    // The first time all are waited for: which cluster it is, all of them must agree on.
    if (clusterId === undefined) await Promise.allSettled(looks)
    try {
      if (errors.some(isForeign)) throw new Error("not one cluster")
      active = await Promise.any(looks)
      return active
    } catch {
      if (call.signal.aborted) throw abortReason(call.signal)
      const foreign = errors.find(isForeign)
      if (foreign !== undefined) {
        clusterId = undefined
        throw foreign
      }
      // It forwards to the active node, or says that there is none yet.
      const [standby] = standbys
      if (standby !== undefined) return standby
      throw sealed > 0 ? sealedError() : errors[0]
    } finally {
      deadline.dispose()
    }
  }

  /** A wrap of one cluster opens in no other: better no answer than one of a stranger. */
  function isOfThisCluster({ cluster_id: stated }: HealthAnswer): boolean {
    clusterId ??= stated
    return stated === clusterId
  }

  async function pause(call: CallOptions): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = clock.after(pauseMs, resolve)
    await abortable(promise, call.signal).finally(cancel)
  }

  const health: Wire["health"] = async (call) => {
    try {
      return await (active ?? (await lookAround(call))).health(call)
    } catch (error) {
      active = undefined
      if (call.signal.aborted || !isFailure(error)) throw error
      // Whoever answers says what there is, e.g. that it is sealed.
      return Promise.any(nodes.map((node) => node.health(call))).catch(() => {
        throw error
      })
    }
  }

  return { namespace: only?.namespace, send, health }
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
