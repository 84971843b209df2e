import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { startGuarded } from "../src/index.ts"

const fixture = fileURLToPath(new URL("fixtures/start-and-wait.ts", import.meta.url))

describe("a guarded process", () => {
  it("ends when it is stopped", async () => {
    const server = await startGuarded("/bin/sleep", ["600"])
    await server.stop()
    expect(isRunning(server.processId)).toBe(false)
    await server.stop()
  })

  it("reports its own end, with its output", async () => {
    const server = await startGuarded("/bin/sh", ["-c", "echo the port is in use; exit 3"])
    await server.ended
    expect(server.hasEnded).toBe(true)
    expect(server.output()).toContain("the port is in use")
  })

  it("ends when the process that started it is killed without warning", async () => {
    const starter = spawn(process.execPath, [fixture], { stdio: ["ignore", "pipe", "inherit"] })
    const [line] = await once(starter.stdout, "data")
    const serverId = Number(String(line))
    expect(isRunning(serverId)).toBe(true)
    starter.kill("SIGKILL")
    await expect.poll(() => isRunning(serverId), { timeout: 10_000 }).toBe(false)
  })
})

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch {
    return false // ESRCH: there is no such process
  }
}
