import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { buffer } from "node:stream/consumers"

/** A server in front of a real OpenBao that states another cluster's id as its own. */
export interface LyingServer {
  readonly address: string
  /** While set, it answers nothing but `503`. */
  isSilent: boolean
  stop(): Promise<void>
}

/** Starts a server that passes requests on, and lies about the cluster id in `sys/health`. */
export async function startLyingServer(target: string, clusterId: string): Promise<LyingServer> {
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming)
    if (lying.isSilent) {
      outgoing.writeHead(503).end()
      return
    }
    const { method, url, headers } = incoming
    const asked = request(new URL(url ?? "/", target), { method, headers }, async (answer) => {
      const text = (await buffer(answer)).toString()
      const said = url?.includes("sys/health")
        ? text.replace(/"cluster_id":"[^"]*"/, `"cluster_id":"${clusterId}"`)
        : text
      const { "content-length": _length, ...rest } = answer.headers
      outgoing.writeHead(answer.statusCode ?? 500, rest).end(said)
    })
    asked.on("error", () => outgoing.writeHead(502).end()).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // A listening TCP server has an address and a port.
  const { port } = server.address() as AddressInfo
  const lying: LyingServer = {
    address: `http://127.0.0.1:${port}`,
    isSilent: false,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return lying
}
