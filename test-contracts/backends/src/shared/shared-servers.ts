import { createServer, type Server } from "node:http"
import { printProgress } from "../cache.ts"
import { type PostgresServer, startPostgres } from "../postgres/server.ts"
import { type PostgresConnection, sharedServersVariable } from "./shared-postgres.ts"

/** Servers that all test files of a run share. Each starts when the first file asks for it. */
export class SharedServers {
  readonly #server: Server
  #postgres: Promise<PostgresServer> | undefined

  private constructor() {
    this.#server = createServer((request, response) => {
      const answer = request.url === "/postgres" ? this.#postgresConnection() : Promise.reject(new Error("not found"))
      answer.then(
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
    const started = await this.#postgres?.catch((error: unknown) => printProgress(String(error)))
    await started?.stop()
  }

  async #postgresConnection(): Promise<PostgresConnection> {
    // Several files run at once, each with several databases and connection pools.
    this.#postgres ??= startPostgres({ settings: { max_connections: "400" } })
    const { port, superuserPassword } = await this.#postgres
    return { port, superuserPassword }
  }
}
