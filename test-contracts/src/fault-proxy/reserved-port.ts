import { once } from "node:events"
import { type AddressInfo, connect, createServer } from "node:net"

const host = "127.0.0.1"

/**
 * Keeps a port of 127.0.0.1 while nobody listens on it: connections to it are refused, and no other program gets it, since
 * a connection of our own starts there.
 *
 * @returns gives the port back
 */
export async function reservePort(port: number): Promise<() => Promise<void>> {
  const listener = createServer()
  listener.listen(0, host)
  await once(listener, "listening")
  const placeholder = connect({
    host,
    port: (listener.address() as AddressInfo).port,
    localAddress: host,
    localPort: port,
  })
  const [[accepted]] = await Promise.all([once(listener, "connection"), once(placeholder, "connect")])
  accepted.on("error", () => undefined)
  return async () => {
    placeholder.resetAndDestroy()
    accepted.destroy()
    await once(listener.close(), "close")
  }
}
