import { once } from "node:events"
import { link, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { removeStaleSockets } from "../src/serve/stale-sockets.ts"

let parent: string
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "sockets-"))
})
afterEach(() => rm(parent, { recursive: true, force: true }))

async function folderNamed(name: string): Promise<string> {
  const folder = path.join(parent, name)
  await mkdir(folder)
  return folder
}

/** A socket at which nobody listens any more: a second name outlives the server, which removes only its own. */
async function leaveSocket(folder: string): Promise<void> {
  const server = createServer().listen(path.join(folder, "own"))
  await once(server, "listening")
  await link(path.join(folder, "own"), path.join(folder, "plugin"))
  await new Promise((resolve) => server.close(resolve))
}

it("removes a folder with nothing but a socket at which nobody listens", async () => {
  await leaveSocket(await folderNamed("apeiro-cmk-aB3dE6"))
  await removeStaleSockets(parent, Date.now() + 61_000)
  expect(await readdir(parent)).toEqual([])
})

it("leaves a folder alone whose `plugin` is not a socket", async () => {
  await mkdir(path.join(await folderNamed("apeiro-cmk-aB3dE6"), "plugin"))
  await writeFile(path.join(await folderNamed("apeiro-cmk-fG7hI9"), "plugin"), "mine")
  await removeStaleSockets(parent, Date.now() + 61_000)
  expect(await readdir(parent, { recursive: true })).toHaveLength(4)
})

it("leaves other files next to a socket alone, and folders whose name is not a plugin's", async () => {
  const folder = await folderNamed("apeiro-cmk-aB3dE6")
  await leaveSocket(folder)
  await writeFile(path.join(folder, "notes.txt"), "mine")
  await leaveSocket(await folderNamed("apeiro-cmk-work"))
  await removeStaleSockets(parent, Date.now() + 61_000)
  expect((await readdir(parent, { recursive: true })).toSorted()).toEqual([
    "apeiro-cmk-aB3dE6",
    "apeiro-cmk-aB3dE6/notes.txt",
    "apeiro-cmk-work",
    "apeiro-cmk-work/plugin",
  ])
})

it("leaves alone a socket that was made within the last minute: its plugin may be about to listen", async () => {
  await leaveSocket(await folderNamed("apeiro-cmk-aB3dE6"))
  await removeStaleSockets(parent, Date.now() + 30_000)
  expect(await readdir(parent)).toEqual(["apeiro-cmk-aB3dE6"])
})

it("leaves alone a socket at which somebody listens", async () => {
  const folder = await folderNamed("apeiro-cmk-aB3dE6")
  const server = createServer().listen(path.join(folder, "plugin"))
  await once(server, "listening")
  await removeStaleSockets(parent, Date.now() + 61_000)
  expect(await readdir(folder)).toEqual(["plugin"])
  server.close()
})
