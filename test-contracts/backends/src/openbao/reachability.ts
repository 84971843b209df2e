import { once } from "node:events"
import { connect } from "node:net"
import { connect as connectTls } from "node:tls"

/** Tells whether the port accepts connections. */
export async function accepts(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  try {
    await once(socket, "connect")
    return true
  } catch {
    return false // not yet: the caller polls until its time limit
  } finally {
    socket.destroy()
  }
}

/** The certificate (SHA-256 fingerprint) that the server presents to a new connection to 127.0.0.1; it is not verified. */
export async function servedFingerprint(port: number): Promise<string | undefined> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })
  try {
    await once(socket, "secureConnect")
    return socket.getPeerX509Certificate()?.fingerprint256
  } catch {
    return undefined // not yet: the caller polls until its time limit
  } finally {
    socket.destroy()
  }
}
