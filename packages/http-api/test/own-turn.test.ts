import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { describe, expect, it, onTestFinished } from "vitest"
import { ownTurn } from "../src/pipeline/own-turn.ts"

describe("the turn of a response on its connection", () => {
  it("comes when the answer to the request before it has been sent", async () => {
    const { first, second, caller } = await twoRequestsAtOnce()
    const turn = ownTurn(second)
    expect(await isOver(turn)).toBe(false)
    first.end("first")
    await turn
    second.end("second")
    const [received] = await once(caller, "data")
    expect(String(received)).toContain("first")
    await ownTurn(second)
  })

  it("comes as well when the caller has gone", async () => {
    const { second, caller } = await twoRequestsAtOnce()
    const turn = ownTurn(second)
    caller.destroy()
    await turn
    await ownTurn(second)
  })
})

/** Sends two requests on one connection, without waiting for the answer to the first. */
async function twoRequestsAtOnce() {
  const responses: ServerResponse[] = []
  const both = Promise.withResolvers<void>()
  const server = createServer((_request, response) => {
    if (responses.push(response) === 2) both.resolve()
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port }: AddressInfo = addressOf(server.address())
  const caller = connect(port, "127.0.0.1")
  onTestFinished(() => {
    caller.destroy()
    server.close()
  })
  caller.write("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
  await both.promise
  const [first, second] = responses
  if (first === undefined || second === undefined) throw new Error("no response")
  return { first, second, caller }
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === "string") throw new Error("no port")
  return address
}

async function isOver(turn: Promise<void>): Promise<boolean> {
  let over = false
  void turn.then(() => {
    over = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return over
}
