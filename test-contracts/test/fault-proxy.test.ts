import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type TcpFaultProxy, tcpFaultProxy } from "../src/index.ts"

let echo: Server
let proxy: TcpFaultProxy
const sockets: Socket[] = []

beforeEach(async () => {
  echo = createServer((socket) => socket.pipe(socket).on("error", () => socket.destroy()))
  await once(echo.listen(0, "127.0.0.1"), "listening")
  const address = echo.address()
  if (address === null || typeof address === "string") throw new Error("the port of the server is unknown")
  proxy = await tcpFaultProxy({ target: { host: "127.0.0.1", port: address.port } })
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await proxy.close()
  await once(echo.close(), "close")
})

describe("the TCP fault proxy", () => {
  it("forwards both ways and counts what is open", async () => {
    const client = await connected()
    await expect(sayHello(client)).resolves.toBe("hello")
    expect(proxy).toMatchObject({ openSockets: 1, acceptedSockets: 1 })
    client.destroy()
    await expect.poll(() => proxy.openSockets).toBe(0)
  })

  it("refuses new connections, closes open ones, and listens on the same port again", async () => {
    const client = await connected()
    await sayHello(client)
    const { port } = proxy
    const closed = once(client, "close")
    await proxy.setMode("refuse")
    await closed
    await expect(connected()).rejects.toMatchObject({ code: "ECONNREFUSED" })
    await proxy.setMode("pass")
    expect(proxy.port).toBe(port)
    await expect(sayHello(await connected())).resolves.toBe("hello")
  })

  it("resets open and new connections", async () => {
    const client = await connected()
    await sayHello(client)
    const reset = once(client, "error")
    await proxy.setMode("reset")
    await expect(reset).resolves.toMatchObject([{ code: "ECONNRESET" }])
    const fresh = connect(proxy.port, proxy.host)
    sockets.push(fresh)
    await expect(once(fresh, "end")).rejects.toMatchObject({ code: "ECONNRESET" })
  })

  it("swallows bytes, tells when it has, and resets the connection that lost them", async () => {
    const client = await connected()
    await sayHello(client)
    await proxy.setMode("blackHole")
    const swallowed = proxy.nextSwallowedBytes()
    client.write("lost")
    await swallowed
    expect(proxy.openSockets).toBe(1)
    const reset = once(client, "error")
    await proxy.setMode("pass")
    await expect(reset).resolves.toMatchObject([{ code: "ECONNRESET" }])
  })

  it("ends a connection whose server does not listen", async () => {
    const lonely = await tcpFaultProxy({ target: { host: "127.0.0.1", port: 1 } })
    const client = connect(lonely.port, lonely.host)
    sockets.push(client)
    await once(client, "close")
    await lonely.close()
    await lonely.close()
  })
})

async function connected(): Promise<Socket> {
  const socket = connect(proxy.port, proxy.host)
  sockets.push(socket)
  await once(socket, "connect")
  return socket
}

async function sayHello(socket: Socket): Promise<string> {
  socket.write("hello")
  const [chunk] = await once(socket, "data")
  return String(chunk)
}
