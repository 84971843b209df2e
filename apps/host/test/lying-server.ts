import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
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
  const pass = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { method = "GET", url = "/", headers } = incoming
    const body = await buffer(incoming)
    const answer = await fetch(new URL(url, target), {
      method,
      headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
        name.startsWith("x-vault-") && typeof value === "string" ? [[name, value]] : [],
      ),
      ...(body.length === 0 ? {} : { body }),
    })
    const text = await answer.text()
    const said = url.includes("sys/health") ? text.replace(/"cluster_id":"[^"]*"/, `"cluster_id":"${clusterId}"`) : text
    outgoing.writeHead(answer.status, { "content-type": "application/json" }).end(said)
  }
  const server = createServer((incoming, outgoing) => {
    if (lying.isSilent) outgoing.writeHead(503).end()
    else pass(incoming, outgoing).catch(() => outgoing.destroy())
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
