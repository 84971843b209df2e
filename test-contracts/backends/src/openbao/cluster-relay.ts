import { once } from "node:events"
import { readdir, readFile, readlink } from "node:fs/promises"
import { connect, createServer, type Server, type Socket } from "node:net"
import { join } from "node:path"

/** A relay in front of the cluster address of one node, through which the other nodes of the cluster reach it. */
export class ClusterRelay {
  readonly #targetPort: number
  readonly #server: Server
  readonly #connections = new Map<Socket, number>()
  #isRefused: (sourceProcessId: number) => boolean = () => false

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = createServer((client) => void this.#accept(client))
  }

  /** Starts a relay to a port of 127.0.0.1. */
  static async start(targetPort: number): Promise<ClusterRelay> {
    const relay = new ClusterRelay(targetPort)
    await once(relay.#server.listen(0, "127.0.0.1"), "listening")
    return relay
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("the relay is closed")
    return address.port
  }

  /** Refuses the connections of these processes from now on, and cuts those that are open. */
  refuse(isRefused: (sourceProcessId: number) => boolean): void {
    this.#isRefused = isRefused
    for (const [client, source] of this.#connections) if (isRefused(source)) client.destroy()
  }

  /** Cuts all connections. Idempotent. */
  async stop(): Promise<void> {
    for (const client of this.#connections.keys()) client.destroy()
    if (this.#server.listening) await once(this.#server.close(), "close")
  }

  async #accept(client: Socket): Promise<void> {
    client.on("error", () => client.destroy())
    const source = await processOf(client.remotePort ?? 0)
    if (client.destroyed) return
    // A link of an unknown owner could not be cut later: its owner tries again.
    if (source === 0 || this.#isRefused(source)) {
      client.destroy()
      return
    }
    this.#connections.set(client, source)
    const target = connect(this.#targetPort, "127.0.0.1")
    target.on("error", () => client.destroy())
    target.once("close", () => client.destroy())
    client.once("close", () => {
      this.#connections.delete(client)
      target.destroy()
    })
    client.pipe(target).pipe(client)
  }
}

/** Finds the process that has a port of 127.0.0.1, as Linux states it below `/proc`. @returns 0 when none has it any more */
async function processOf(port: number): Promise<number> {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`
  const rows = (await readFile("/proc/net/tcp", "utf8")).split("\n").map((line) => line.trim().split(/\s+/))
  const inode = rows.find(([, address]) => address === local)?.[9]
  if (inode === undefined) return 0
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue
    const files = await readdir(join("/proc", name, "fd")).catch(() => [])
    const links = files.map((file) => readlink(join("/proc", name, "fd", file)).catch(() => ""))
    if ((await Promise.all(links)).includes(`socket:[${inode}]`)) return Number(name)
  }
  return 0
}
