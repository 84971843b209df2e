import { once } from "node:events"
import { connect, createServer } from "node:net"

const host = "127.0.0.1"

/**
 * Keeps a port of 127.0.0.1 while nothing listens on it: connections to it are refused, and no other program gets it, since our
 * own connection starts there.
 *
 * @returns a function that releases the port
 */
export async function reservePort(port: number): Promise<() => Promise<void>> {
  const listener = createServer()
  listener.listen(0, host)
  await once(listener, "listening")
  const address = listener.address()
  if (address === null || typeof address === "string") throw new Error("the port of the listener is unknown")
  const placeholder = connect({ host, port: address.port, localAddress: host, localPort: port })
  const [[accepted]] = await Promise.all([once(listener, "connection"), once(placeholder, "connect")])
  accepted.on("error", () => undefined)
  return async () => {
    placeholder.resetAndDestroy()
    accepted.destroy()
    await once(listener.close(), "close")
  }
}
