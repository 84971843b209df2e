import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { softHsmAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"
import { FaultyHsm } from "./faulty-hsm.ts"

const hangMs = 20_000
const program = fileURLToPath(new URL("owner-of-folder.ts", import.meta.url))

describe.skipIf(!(await softHsmAvailable()))("the processes of tokens", () => {
  let faulty: FaultyHsm
  beforeAll(async () => {
    faulty = await FaultyHsm.start()
    for (const label of ["first", "second", "third"]) faulty.hsm.admin.createKey("partition", label)
  })
  afterAll(() => faulty.stop())

  async function start(settings: object = {}) {
    const { started } = await faulty.startPlugin(settings)
    const before = await children()
    return {
      async open(key_label: string, more: object = {}, tenantId = "acme") {
        const configuration = { ...faulty.hsm.configuration("partition", key_label), ...more }
        const keystore = await started.openKeystore(configuration, testCall({ tenantId }))
        return { keystore, probe: () => keystore.probe(testCall({ tenantId })) }
      },
      processes: async () => (await children()).filter((id) => !before.includes(id)),
    }
  }

  it("serve all keys of a token, none more for absent ones, and end with their last user", async () => {
    const { open, processes } = await start()
    const opened = [await open("first"), await open("second"), await open("third")]
    for (const { probe } of opened) await probe()
    for (let number = 0; number < 20; number += 1) {
      const absent = await open(`absent-${number}`)
      await expect(absent.probe()).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
      if (number % 2 === 0) await absent.keystore.close()
      else opened.push(absent)
    }
    expect(await processes()).toHaveLength(1)
    for (const { keystore } of opened.slice(1)) await keystore.close()
    await opened[0]?.probe()
    expect(await processes()).toHaveLength(1)
    await opened[0]?.keystore.close()
    expect(await processes()).toEqual([])
  })

  it("are shared neither with another PIN nor with another tenant", async () => {
    const { open, processes } = await start()
    const [mine, wrong, theirs] = [
      await open("first"),
      await open("first", { pin: "another-pin" }),
      await open("first", {}, "globex"),
    ]
    await mine.probe()
    await expect(wrong.probe()).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await theirs.probe()
    expect(await processes()).toHaveLength(2)
  })

  it("let a keystore that closes end its own calls, and no other's", async () => {
    const { open } = await start()
    const [first, second] = [await open("first"), await open("second")]
    await Promise.all([first.probe(), second.probe()])
    await faulty.faults.control({ function: "C_Encrypt", action: "sleep", number: 300, times: -1 })
    const [own, others] = [first.probe(), second.probe()]
    const ended = expect(own).rejects.toMatchObject({ code: "CANCELLED" })
    await first.keystore.close()
    await ended
    await others
    await expect(first.probe()).rejects.toMatchObject({ code: "CANCELLED" })
  })

  it.each(["hangs in its library", "does not heed SIGTERM"])(
    "are ended when they are closed, also one that %s",
    async (how) => {
      // The heartbeat would end it as well.
      const { open, processes } = await start({ heartbeatMs: 60_000, silenceMs: 120_000 })
      const { keystore, probe } = await open("first")
      await probe()
      const [id = 0] = await processes()
      if (how === "does not heed SIGTERM") process.kill(id, "SIGSTOP")
      else {
        await faulty.faults.control({ function: "C_EncryptInit", action: "stall" })
        await faulty.faults.calls()
        void probe().catch(() => undefined)
        await expect.poll(() => faulty.faults.calls(), { timeout: hangMs }).toContain("C_EncryptInit")
      }
      await keystore.close()
      expect(await processes()).toEqual([])
    },
  )

  it("leave no client files behind when the host is killed: the next start removes them, and no other's", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "thales-abandoned-"))
    onTestFinished(() => rm(temporary, { recursive: true, force: true }))
    const owners = [1, 2].map(() =>
      spawn(process.execPath, [program], {
        env: { ...process.env, TMPDIR: temporary },
        stdio: ["pipe", "pipe", "inherit"],
      }),
    )
    onTestFinished(() => owners.forEach((owner) => void owner.kill("SIGKILL")))
    const [killed, alive] = await Promise.all(owners.map(async ({ stdout }) => String((await once(stdout, "data"))[0])))
    expect(await readdir(temporary)).toHaveLength(2)
    owners[0]?.kill("SIGKILL")
    await once(owners[0] ?? process, "exit")
    const before = process.env.TMPDIR
    process.env.TMPDIR = temporary
    onTestFinished(() => {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    })
    const started = await openInProcess(plugin, { services: testServices() })
    await started.stop()
    expect(await readdir(temporary)).toEqual([alive])
    expect(killed).not.toBe(alive)
  })
})

/** Process ids of this process's children, also those that wait to be read. */
async function children(): Promise<readonly number[]> {
  const tasks = await readdir("/proc/self/task")
  const listed = await Promise.all(tasks.map((task) => readFile(`/proc/self/task/${task}/children`, "utf8")))
  return listed.flatMap((text) => text.trim().split(/\s+/).filter(Boolean).map(Number))
}
