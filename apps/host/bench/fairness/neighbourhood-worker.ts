import { createSocket } from "node:dgram"
import { once } from "node:events"
import { Agent, createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { parentPort, workerData } from "node:worker_threads"
import * as z from "zod"
import { answerTo } from "./dns-answer.ts"
import { nameServerAddress } from "./neighbourhood.ts"

const settings = z.object({ openBaoPort: z.int(), withNames: z.boolean() }).parse(workerData)
const agent = new Agent({ keepAlive: true })

const proxy = createServer((from, to) => {
  // A login that nobody ever answers.
  if (from.url?.startsWith("/v1/auth/hanging/") === true) return
  const forwarded = request(
    {
      ...{ agent, host: "127.0.0.1", port: settings.openBaoPort },
      path: from.url,
      method: from.method,
      headers: from.headers,
    },
    (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(to)
    },
  )
  forwarded.on("error", () => to.destroy())
  to.on("close", () => forwarded.destroy())
  from.pipe(forwarded)
})
proxy.keepAliveTimeout = 60_000
proxy.listen(0, "127.0.0.1")
await once(proxy, "listening")

if (settings.withNames) {
  const names = createSocket("udp4")
  names.on("message", (query, { address, port }) => {
    const answer = answerTo(query)
    if (answer !== undefined) names.send(answer, port, address)
  })
  names.bind(53, nameServerAddress)
  await once(names, "listening")
}
parentPort?.postMessage({ proxyPort: (proxy.address() as AddressInfo).port })
