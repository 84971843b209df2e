import { Socket } from "node:net"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { describe, expect, it } from "vitest"
import { defaultListenerLimits } from "../src/pipeline/listener-limits.ts"
import { ListenerShares } from "../src/pipeline/listener-shares.ts"

/** Sends requests of owners over connections, and notes which answers end their connection. */
function setUp(maximumConnections: number) {
  const shares = new ListenerShares({ ...defaultListenerLimits, maximumConnections }, systemClock)
  const isClosed = (owner: string, socket: Socket): boolean => {
    const headers = new Map<string, string>()
    shares.enter(owner, socket, headers)()
    return headers.get("Connection") === "close"
  }
  const closed = (owner: string, sockets: readonly Socket[]) =>
    sockets.filter((socket) => isClosed(owner, socket)).length
  return { closed, sockets: (count: number) => Array.from({ length: count }, () => new Socket()) }
}

describe("the connections of a listener", () => {
  it("stay open for one owner up to half of them, and for the next up to half of the rest", () => {
    const { closed, sockets } = setUp(12)
    expect(closed("tenant a", sockets(10))).toBe(4)
    expect(closed("tenant b", sockets(10))).toBe(7)
  })

  it("count once, however many requests they carry, and for their latest owner", () => {
    const { closed, sockets } = setUp(4)
    const connections = sockets(2)
    for (let time = 0; time < 5; time++) expect(closed("tenant a", connections)).toBe(0)
    expect(closed("tenant b", connections)).toBe(0)
    expect(closed("tenant a", sockets(1))).toBe(0)
  })

  it("make room when they close", () => {
    const { closed, sockets } = setUp(4)
    const connections = sockets(2)
    expect(closed("tenant a", [...connections, ...sockets(1)])).toBe(1)
    for (const connection of connections) connection.emit("close")
    expect(closed("tenant a", sockets(2))).toBe(0)
  })
})
