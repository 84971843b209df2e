import { once } from "node:events"
import { createServer } from "node:net"

/**
 * Finds ports on 127.0.0.1 that nobody listens on. Another process may take one before it is used: whoever starts a server
 * on it tries again.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"))
  await Promise.all(servers.map((server) => once(server, "listening")))
  const ports = servers.map((server) => {
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the port of a listening server is unknown")
    return address.port
  })
  await Promise.all(servers.map((server) => once(server.close(), "close")))
  return ports
}
