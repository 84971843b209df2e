import type { CallOptions } from "@apeiro-cmk/plugin-interface"
import type { NodeWire } from "./wire.ts"

/**
 * Finds the node that most nodes of a cluster name as their leader, itself among them; `undefined` when there is none.
 *
 * One node's own word is not enough: OpenBao 2.7.2 may call a node active for minutes after raft has taken the lead from
 * it. A node that has voted for a successor no longer names its predecessor, and every successor has the votes of most
 * nodes: whoever most nodes name now had no successor when they were asked.
 *
 * @param nodes - every node of the cluster; they are asked at once, and the first majority decides
 */
export async function leaderOfMost(nodes: readonly NodeWire[], call: CallOptions): Promise<NodeWire | undefined> {
  const needed = Math.floor(nodes.length / 2) + 1
  const named = new Map<string, { votes: number; self?: NodeWire }>()
  const { promise, resolve } = Promise.withResolvers<NodeWire | undefined>()
  const asked = nodes.map(async (node) => {
    const { is_self: isSelf, leader_cluster_address: address } = await node.leader(call)
    if (address === "") return
    const votes = named.get(address) ?? { votes: 0 }
    votes.votes += 1
    if (isSelf) votes.self = node
    named.set(address, votes)
    if (votes.votes >= needed && votes.self !== undefined) resolve(votes.self)
  })
  void Promise.allSettled(asked).then(() => resolve(undefined))
  return promise
}
