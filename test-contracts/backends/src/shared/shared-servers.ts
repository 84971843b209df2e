import { createServer, type Server } from "node:http"
import { printProgress } from "../cache.ts"
import { startOwnKubernetes } from "../kubernetes/server.ts"
import { startPostgres } from "../postgres/server.ts"
import { type SharedServerName, sharedServersVariable } from "./ask-shared.ts"

/** A started server, and what its users need to reach it. */
interface Shared {
  readonly connection: Readonly<Record<string, unknown>>
  stop(): Promise<void>
}

const starters: Readonly<Record<SharedServerName, () => Promise<Shared>>> = {
  async postgres() {
    // Several files run at once, each with several databases and connection pools.
    const server = await startPostgres({ settings: { max_connections: "400" } })
    const { port, superuserPassword } = server
    return { connection: { port, superuserPassword }, stop: () => server.stop() }
  },
  async kubernetes() {
    const server = await startOwnKubernetes()
    const { address, adminToken, authority } = server
    return { connection: { address, adminToken, authority }, stop: () => server.stop() }
  },
}

/** Servers that all test files of a run share. Each starts when the first file asks for it. */
export class SharedServers {
  readonly #server: Server
  readonly #started = new Map<SharedServerName, Promise<Shared>>()

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#connectionTo(request.url?.slice(1) ?? "").then(
        (connection) => response.end(JSON.stringify(connection)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    })
    this.#server.unref()
  }

  /** Listens on loopback for test files, which find it by {@link SharedServers.environment}. */
  static async listen(): Promise<SharedServers> {
    const shared = new SharedServers()
    await new Promise<void>((resolve, reject) => {
      shared.#server.once("error", reject)
      shared.#server.listen(0, "127.0.0.1", resolve)
    })
    return shared
  }

  /** Environment variables for the processes of the test files. */
  get environment(): Readonly<Record<string, string>> {
    const address = this.#server.address()
    if (address === null || typeof address === "string") return {}
    return { [sharedServersVariable]: `http://127.0.0.1:${address.port}` }
  }

  /** Stops every server that was started. */
  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    for (const starting of this.#started.values()) {
      const shared = await starting.catch((error: unknown) => printProgress(String(error)))
      await shared?.stop()
    }
  }

  async #connectionTo(name: string): Promise<Shared["connection"]> {
    if (!isShared(name)) throw new Error(`No server is shared under the name ${name}.`)
    const starting = this.#started.get(name) ?? starters[name]()
    this.#started.set(name, starting)
    return (await starting).connection
  }
}

function isShared(name: string): name is SharedServerName {
  return Object.hasOwn(starters, name)
}
