import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { goHostAvailable, installGoPlugin } from "@apeiro-cmk/test-backends"
import { expect, it, onTestFinished } from "vitest"

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A host in a separate process, with one plugin. */
async function startHost(path: string, args: readonly string[]): Promise<{ host: ChildProcess; pluginId: number }> {
  const host = spawn(process.execPath, [file("host-of-plugin.ts"), path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  onTestFinished(() => void host.kill("SIGKILL"))
  const [line] = await once(host.stdout, "data")
  return { host, pluginId: Number(String(line)) }
}

async function expectGone(processId: number) {
  const giveUpAtMs = Date.now() + 10_000
  while (isAlive(processId) && Date.now() < giveUpAtMs) await delay(20)
  expect(isAlive(processId)).toBe(false)
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch {
    return false // ESRCH: gone
  }
}

it("a plugin ends soon after our host is killed", async () => {
  const { host, pluginId } = await startHost(process.execPath, [file("serve-toy.ts")])
  expect(isAlive(pluginId)).toBe(true)
  host.kill("SIGKILL")
  await expectGone(pluginId)
})

it.skipIf(!(await goHostAvailable()))("so does one in Go, which does not watch its host", async () => {
  const { host, pluginId } = await startHost(await installGoPlugin(), ["KeystoreInstanceKeyOperation"])
  expect(isAlive(pluginId)).toBe(true)
  host.kill("SIGKILL")
  await expectGone(pluginId)
})
