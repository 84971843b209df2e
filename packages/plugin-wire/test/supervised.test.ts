import { fileURLToPath } from "node:url"
import type { KeystorePluginV1 } from "@apeiro-cmk/plugin-interface"
import { systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { logSink, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it, onTestFinished } from "vitest"
import { connectPlugin, createSupervisor, loadRemotePlugin, type PluginConnection } from "../src/index.ts"

const toy = fileURLToPath(new URL("serve-toy.ts", import.meta.url))

async function start() {
  const processes: PluginConnection[] = []
  const logger = logSink()
  const connect = async () => {
    const connection = await connectPlugin({
      type: "KeystoreInstanceKeyOperation",
      path: process.execPath,
      args: [toy],
      serviceName: "plugin.keystore.operations.v1.KeystoreInstanceKeyOperation",
      yamlConfiguration: "",
    })
    processes.push(connection)
    return connection
  }
  const remotePlugin = await loadRemotePlugin("keystore")
  const plugin = remotePlugin(
    createSupervisor({
      name: "toy",
      connect,
      clock: systemClock,
      logger,
      jitter: () => 0,
      healthIntervalMs: 50,
      healthTimeoutMs: 500,
    }),
  )
  await plugin.start(AbortSignal.timeout(20_000))
  onTestFinished(() => plugin.stop())
  const die = async () => {
    const last = processes.at(-1)
    last?.kill()
    await last?.ended
  }
  return { plugin, processes, logger, die }
}

const describeKey = async (plugin: KeystorePluginV1) => {
  const keystore = await plugin.openKeystore({}, testCall())
  return () => keystore.describeKey({ keyId: "k" }, testCall())
}

describe("a plugin whose process is watched", () => {
  it("is started again when it dies, and its keystores stay usable", async () => {
    const { plugin, processes, die, logger } = await start()
    const ask = await describeKey(plugin)
    expect(await ask()).toMatchObject({ key: { keyId: "k" } })
    await die()
    expect(await ask()).toMatchObject({ key: { keyId: "k" } })
    expect(processes).toHaveLength(2)
    // A health check may have met the death before it was known, and warned.
    const errors = logger.lines.filter(({ level }) => level === "error")
    expect(errors).toMatchObject([{ fields: { plugin: "toy", how: "SIGKILL" } }])
  })

  it("is ended and started again when it no longer answers", { timeout: 60_000 }, async () => {
    const { plugin, processes } = await start()
    const ask = await describeKey(plugin)
    const stopped = processes[0]
    process.kill(stopped?.processId ?? 0, "SIGSTOP")
    expect(await stopped?.ended).toBe("SIGKILL")
    expect(await ask()).toMatchObject({ key: { keyId: "k" } })
    expect(processes).toHaveLength(2)
  })

  it("rejects calls in flight with the origin plugin", async () => {
    const { plugin, die } = await start()
    const keystore = await plugin.openKeystore({}, testCall())
    const hanging = keystore.describeKey({ keyId: "hang" }, testCall())
    const outcome = expect(hanging).rejects.toMatchObject({ code: "UNREACHABLE", origin: "plugin", retryable: true })
    await keystore.describeKey({ keyId: "k" }, testCall())
    await die()
    await outcome
  })

  it("is set aside when it dies again and again, with its last lines in the log", async () => {
    const { plugin, processes, logger } = await start()
    const keystore = await plugin.openKeystore({}, testCall())
    for (let times = 0; times < 5; times += 1) {
      await keystore.describeKey({ keyId: "exit" }, testCall()).catch(() => undefined)
      await processes.at(-1)?.ended
    }
    await expect(keystore.describeKey({ keyId: "k" }, testCall())).rejects.toMatchObject({
      code: "UNREACHABLE",
      origin: "plugin",
      retryable: false,
    })
    expect(processes).toHaveLength(5)
    expect(logger.lines.at(-1)).toMatchObject({ message: expect.stringContaining("set aside") })
  })

  it("ends with its host, and is not started again", async () => {
    const { plugin, processes } = await start()
    await plugin.stop()
    await plugin.stop()
    expect(await processes[0]?.ended).toBe(0)
    expect(processes).toHaveLength(1)
    await expect(plugin.openKeystore({}, testCall())).rejects.toMatchObject({ origin: "plugin" })
  })
})
