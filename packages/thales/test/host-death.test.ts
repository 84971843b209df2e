import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { softHsmAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { FaultyHsm } from "./faulty-hsm.ts"

const hangMs = 20_000
const program = fileURLToPath(new URL("host-of-token.ts", import.meta.url))

describe.skipIf(!(await softHsmAvailable()))("a token's process", () => {
  let faulty: FaultyHsm
  beforeAll(async () => {
    faulty = await FaultyHsm.start()
  })
  afterAll(() => faulty.stop())

  it.each(["C_Decrypt", "C_DecryptInit"] as const)("ends with its host, even while it hangs in %s", async (name) => {
    await faulty.faults.control()
    const label = faulty.hsm.newLabel()
    faulty.hsm.admin.createKey("partition", label)
    const environment = { ...faulty.hsm.tokens.environment, ...faulty.faults.environment }
    const modules = { test: { library: faulty.faults.module, environment } }
    // The heartbeat would end it as well, but later.
    const pluginConfiguration = { modules, heartbeatMs: 60_000, silenceMs: 120_000 }
    const given = JSON.stringify({ pluginConfiguration, configuration: faulty.hsm.configuration("partition", label) })
    const host = spawn(process.execPath, [program, given], { stdio: ["pipe", "pipe", "inherit"] })
    onTestFinished(() => void host.kill("SIGKILL"))
    await once(host.stdout, "data")
    const [tokenProcess = 0] = childrenOf(host.pid ?? 0)
    expect(isAlive(tokenProcess)).toBe(true)
    await faulty.faults.control({ function: name, action: "stall" })
    await faulty.faults.calls()
    host.stdin.write("go\n")
    await expect.poll(() => faulty.faults.calls(), { timeout: hangMs }).toContain(name)
    host.kill("SIGKILL")
    await expect.poll(() => isAlive(tokenProcess), { timeout: hangMs }).toBe(false)
  })
})

describe("a process that nothing but itself can end with its parent", () => {
  it("ends when the parent is killed, even while its main thread is blocked", async () => {
    const blocked = fileURLToPath(new URL("blocked-child.ts", import.meta.url))
    const parent = spawn(process.execPath, [blocked], { stdio: ["pipe", "pipe", "inherit"] })
    onTestFinished(() => void parent.kill("SIGKILL"))
    const child = Number(String((await once(parent.stdout, "data"))[0]))
    expect(isAlive(child)).toBe(true)
    parent.kill("SIGKILL")
    await expect.poll(() => isAlive(child), { timeout: hangMs }).toBe(false)
  })
})

function childrenOf(processId: number): readonly number[] {
  return execFileSync("pgrep", ["-P", String(processId)])
    .toString()
    .trim()
    .split("\n")
    .map(Number)
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch {
    return false // ESRCH: gone
  }
}
