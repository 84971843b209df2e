import type { ServerResponse } from "node:http"
import type { Caller } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { fakeClock, testServices } from "../src/testing.ts"
import { patience, serve } from "./http-fixture.ts"
import { httpServer, tcpServer } from "./server.ts"

/** A server that answers at `/quick`, and elsewhere only when the test says so. */
async function hangingServer() {
  const held: ServerResponse[] = []
  const server = await serve(
    httpServer((request, response) => {
      if (request.url === "/quick") response.end("quick")
      else held.push(response)
    }),
  )
  const answerAll = () => {
    for (const response of held.splice(0)) response.end("late")
  }
  return { server, answerAll, held }
}

function clientOf(port: number, connections: number) {
  const clock = fakeClock()
  const client = testServices({ clock }).createHttpClient({
    egress: { allowedEndpoints: [`http://127.0.0.1:${port}`], allowedAddresses: ["127.0.0.1"] },
    connections,
    connectTimeoutMs: 3000,
  })
  const ask = (path: string, call: Caller, signal = patience()) =>
    client.request({ method: "GET", url: `http://127.0.0.1:${port}${path}`, signal, call })
  return { client, clock, ask }
}

const purposes = [undefined, "login", "test"] as const
const callOf = (tenantId: string, purpose: Caller["purpose"]): Caller => ({
  tenantId,
  ...(purpose === undefined ? {} : { purpose }),
})

describe("connections to one server", () => {
  it.each(purposes)("are never all in the hands of one tenant whose requests hang (%s)", async (purpose) => {
    const { server } = await hangingServer()
    const { client, ask } = clientOf(server.port, 16)
    const attack = Array.from({ length: 60 }, () => ask("/hang", callOf("globex", purpose)).catch(() => {}))
    await server.reached(purpose === undefined ? 8 : 2)
    for (const other of purposes) {
      for (const tenantId of ["acme", "initech"]) {
        expect(await ask("/quick", callOf(tenantId, other))).toMatchObject({ status: 200 })
      }
    }
    await client.close()
    await Promise.all(attack)
  })

  it("for use stay free while the same tenant's logins and tests hang", async () => {
    const { server } = await hangingServer()
    const { client, ask } = clientOf(server.port, 1)
    const attack = ["login", "test"].flatMap((purpose) =>
      Array.from({ length: 20 }, () => ask("/hang", callOf("acme", purpose as "login")).catch(() => {})),
    )
    await server.reached(2)
    expect(await ask("/quick", { tenantId: "acme" })).toMatchObject({ status: 200 })
    await client.close()
    await Promise.all(attack)
  })

  it.each([1, 3, 16])("of a pool of %i are never more than the sum of all shares", async (connections) => {
    const { server, answerAll, held } = await hangingServer()
    const { client, ask } = clientOf(server.port, connections)
    const most = connections + 2 * Math.max(2, Math.floor(connections / 4))
    const asked = Array.from({ length: 300 }, (_, index) => ask("/hang", callOf(`t${index % 50}`, purposes[index % 3])))
    await server.reached(most)
    expect(server.sockets.size).toBe(most)
    let done = false
    const all = Promise.all(asked).then(() => {
      done = true
    })
    while (!done) {
      expect(held.length).toBeLessThanOrEqual(most)
      answerAll()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await all
    expect(server.connections()).toBeLessThanOrEqual(most)
    await client.close()
  })

  it("are waited for no longer than half the connect time-out, and the error blames this host", async () => {
    const { server } = await hangingServer()
    const { client, clock, ask } = clientOf(server.port, 2)
    const first = ask("/hang", { tenantId: "acme" }).catch(() => {})
    await server.reached(1)
    const second = expect(ask("/hang", { tenantId: "acme" })).rejects.toMatchObject({
      code: "THROTTLED",
      origin: "host",
      retryable: true,
    })
    await clock.advance(1500)
    await second
    await client.close()
    await first
  })

  it("that a server accepts and never answers count until they are gone, even after their callers gave up", async () => {
    const server = await serve(tcpServer(() => undefined))
    const { client, ask } = clientOf(server.port, 2)
    const caller = new AbortController()
    const attack = Array.from({ length: 30 }, () => ask("/", { tenantId: "globex" }, caller.signal).catch(() => {}))
    attack.push(...Array.from({ length: 30 }, () => ask("/", { tenantId: "acme" }, caller.signal).catch(() => {})))
    caller.abort()
    await Promise.all(attack)
    await server.empty()
    expect(server.connections()).toBeLessThanOrEqual(2)
    await client.close()
  })
})
