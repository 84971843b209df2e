import { execFileSync } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { createCmkEmulator, goHostAvailable, startGoHost } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const available = await goHostAvailable()
const serve = fileURLToPath(new URL("../src/serve.ts", import.meta.url))

describe.skipIf(!available)("local-keystore as a process under the upstream Go host", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "local-keystore-"))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const start = (yamlConfiguration = `{keyFile: "${folder}/keys", keyNames: [first]}`) =>
    startGoHost([
      { name: "LOCAL", type: "KeystoreInstanceKeyOperation", path: process.execPath, args: [serve], yamlConfiguration },
    ])

  it("describes its own keys and no others", async () => {
    const host = await start()
    const key = (keyId: string) => ({ parameters: { keyId } })
    expect((await host.call("GetKey", key("first"))).response).toMatchObject({ keyId: "first", status: "ENABLED" })
    expect(await host.call("GetKey", key("other"))).toMatchObject({ code: "NOT_FOUND" })
    expect((await host.call("ExtractKeyRegion", { nativeKeyId: "first" })).response).toEqual({ region: "local" })
    expect(await host.close()).toMatchObject({ ok: true, plugins: [{ exit: "self" }] })
  })

  it("registers a key", async () => {
    const host = await start()
    const cmk = createCmkEmulator(host, { clientCert: "", privateKey: "" })
    const hyok = { nativeId: "first", management: {} }
    expect(await cmk.register(hyok)).toEqual({ status: 201, region: "local", primaryVersion: "1" })
    expect(await cmk.sync(hyok)).toBe("ENABLED")
    await host.close()
  })

  it("fails to load, and gives the reason, when its configuration is wrong", async () => {
    const host = await start("{keyFile: 7}")
    expect(host.loaded).toMatchObject({ event: "load_failed", message: expect.stringContaining("keyFile") })
    await host.kill()
  })

  it("ends soon after its host is killed", async () => {
    const host = await start()
    const children = childrenOf(host.processId)
    expect(children).toHaveLength(1)
    await host.kill()
    const giveUpAtMs = Date.now() + 10_000
    while (children.some(isAlive) && Date.now() < giveUpAtMs) await delay(20)
    expect(children.filter(isAlive)).toEqual([])
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
