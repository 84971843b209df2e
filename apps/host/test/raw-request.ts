import { connect, type Socket } from "node:net"

/** Opens a connection for bytes that no HTTP client would send; an error of the connection shows as its end. */
export function openSocket(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect({ host: hostname, port: Number(port) }).on("error", () => undefined)
}

/** Sends bytes as they are. @returns status and body of the answer, read to the end of the connection */
export async function rawAnswer(
  url: string,
  bytes: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const socket = openSocket(url)
  socket.write(bytes)
  return answerOn(socket)
}

/** Reads the answer on a connection to its end. */
export async function answerOn(socket: Socket): Promise<{ readonly status: number; readonly body: string }> {
  const received: Buffer[] = []
  socket.on("data", (chunk: Buffer) => received.push(chunk))
  await new Promise((resolve) => socket.once("close", resolve))
  const [head = "", ...body] = Buffer.concat(received).toString("utf8").split("\r\n\r\n")
  return { status: Number(head.split(" ")[1]), body: body.join("\r\n\r\n") }
}

/** Resolves when bytes that contain a text have arrived. */
export function arrival(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const received: string[] = []
    socket.on("data", (chunk: Buffer) => {
      received.push(chunk.toString("latin1"))
      if (received.join("").includes(text)) resolve()
    })
    socket.once("close", () => reject(new Error(`the connection ended before ${text}: ${received.join("")}`)))
  })
}
