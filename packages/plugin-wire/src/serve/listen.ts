import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import type { Server, ServerCredentials } from "@grpc/grpc-js"
import type { Handshake } from "../handshake/handshake-line.ts"
import type { Launch } from "./launch.ts"
import { removeStaleSockets, socketFolderPrefix, socketName } from "./stale-sockets.ts"

/** The place where a server listens. */
export interface Listening extends Pick<Handshake, "network" | "address"> {
  /** Removes the socket and its folder from the file system. */
  cleanUp(): Promise<void>
}

const longestSocketPathBytes = 107

/**
 * Listens on a socket in a folder that only this user may enter; where that fails (path too long, folder not
 * writable), on a port of 127.0.0.1. Both ask for the peer's certificate.
 *
 * @throws {Error} neither a socket nor a port is available
 */
export async function listen(server: Server, secured: ServerCredentials, launch: Launch): Promise<Listening> {
  try {
    return await listenOnSocket(server, secured, launch.socketDirectory ?? tmpdir())
  } catch (socketError) {
    try {
      return await listenOnPort(server, secured, launch.ports)
    } catch (portError) {
      throw new AggregateError([socketError, portError], "neither a socket nor a port is available")
    }
  }
}

async function listenOnSocket(server: Server, secured: ServerCredentials, parent: string): Promise<Listening> {
  const folder = await mkdtemp(join(parent, socketFolderPrefix))
  const cleanUp = () => rm(folder, { recursive: true, force: true })
  const path = join(folder, socketName)
  try {
    if (Buffer.byteLength(path) > longestSocketPathBytes) throw new Error(`${path} is too long for a socket`)
    await bind(server, `unix:${path}`, secured)
    void removeStaleSockets(parent, systemClock.nowMs())
    return { network: "unix", address: path, cleanUp }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

async function listenOnPort(
  server: Server,
  secured: ServerCredentials,
  { first, last }: Launch["ports"],
): Promise<Listening> {
  for (let port = first; ; port += 1) {
    try {
      const bound = await bind(server, `127.0.0.1:${port}`, secured)
      return { network: "tcp", address: `127.0.0.1:${bound}`, cleanUp: async () => undefined }
    } catch (error) {
      if (port >= last) throw error
    }
  }
}

async function bind(server: Server, address: string, secured: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, secured, (error, port) => (error === null ? resolve(port) : reject(error)))
  })
}
