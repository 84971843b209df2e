import { once } from "node:events"
import { createServer } from "node:http"
import { connectProxy } from "@apeiro-cmk/test-backends"
import * as z from "zod"

/** Address that keystores of earlier data name; it leads to a server through a proxy alone. */
export const openBaoAddress = "http://openbao.test:8200"

/** A server behind a proxy that denies every request as OpenBao does, and keeps what it received. */
export interface RefusingOpenBao {
  /** Proxy that leads every connection to this server. */
  readonly proxyUrl: string
  /** Bodies of the requests, in order. */
  readonly received: readonly string[]
  close(): Promise<void>
}

/** Starts a {@link RefusingOpenBao} on free ports of 127.0.0.1. */
export async function startRefusingOpenBao(): Promise<RefusingOpenBao> {
  const received: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      received.push(Buffer.concat(chunks).toString("utf8"))
      response.writeHead(403, { "content-type": "application/json" }).end('{"errors":["permission denied"]}')
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = z.object({ port: z.number() }).parse(server.address())
  const proxy = await connectProxy(() => port)
  return {
    proxyUrl: proxy.url,
    received,
    async close() {
      await proxy[Symbol.asyncDispose]()
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
