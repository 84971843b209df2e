import { ClusterRelay } from "./cluster-relay.ts"
import { joinOpenBao, type OpenBaoOptions, type OpenBaoServer, startOpenBao } from "./server.ts"

/** Three real nodes of one OpenBao cluster, whose links to each other can be cut. */
export interface OpenBaoCluster {
  readonly nodes: readonly [OpenBaoServer, OpenBaoServer, OpenBaoServer]
  /** Finds the node that the other two follow. Resolves when there is one. */
  active(): Promise<OpenBaoServer>
  /** Cuts a node off from the other two, in both directions. It stays reachable for clients. */
  isolate(node: OpenBaoServer): void
  /** Ends {@link isolate}. */
  heal(): void
  stop(): Promise<void>
}

/** Settings of {@link startOpenBaoCluster}. */
export type OpenBaoClusterOptions = Pick<OpenBaoOptions, "performanceMultiplier" | "standbyReads">

/**
 * Starts three nodes with raft storage, whose cluster addresses lead through relays. Their audit is off, since they
 * cannot share one declared file.
 * @throws {BackendUnavailable} OpenBao cannot be installed here
 */
export async function startOpenBaoCluster(options: OpenBaoClusterOptions = {}): Promise<OpenBaoCluster> {
  const relays: ClusterRelay[] = []
  const settings = (nodeId: string): OpenBaoOptions => ({
    ...options,
    nodeId,
    audit: false,
    advertise: async (clusterPort) => {
      const relay = await ClusterRelay.start(clusterPort)
      relays.push(relay)
      return relay.port
    },
  })
  const one = await startOpenBao(settings("one"))
  // One after the other: raft accepts one new voter at a time.
  const two = await joinOpenBao(one, settings("two"))
  const three = await joinOpenBao(one, settings("three"))
  return new RelayedCluster([one, two, three], relays)
}

class RelayedCluster implements OpenBaoCluster {
  readonly nodes: OpenBaoCluster["nodes"]
  readonly #relays: readonly ClusterRelay[]

  constructor(nodes: OpenBaoCluster["nodes"], relays: readonly ClusterRelay[]) {
    this.nodes = nodes
    this.#relays = relays
  }

  async active(): Promise<OpenBaoServer> {
    for (;;) {
      for (const node of this.nodes) {
        const { status } = await node.send({ method: "GET", path: "sys/health" })
        if (status === 200) return node
      }
    }
  }

  isolate(node: OpenBaoServer): void {
    const own = this.nodes.indexOf(node)
    for (const [index, relay] of this.#relays.entries()) {
      relay.refuse((source) => index === own || source === node.processId)
    }
  }

  heal(): void {
    for (const relay of this.#relays) relay.refuse(() => false)
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
    await Promise.all(this.#relays.map((relay) => relay.stop()))
  }
}
