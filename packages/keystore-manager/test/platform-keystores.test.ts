import type { KeystoreProviderV1 } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import { PlatformKeystores } from "../src/index.ts"
import { InMemoryJobs, InMemoryPlatformKeystores } from "./in-memory-platform.ts"
import { address, secretText, setUp } from "./set-up.ts"

const target = { tenantId: "acme", keystoreId: "provided" }

async function platform(hangs = false) {
  const all = setUp()
  const seen: string[] = []
  const secret = new TextEncoder().encode(secretText)
  const note = async (
    operation: string,
    { requestId, keystoreId }: Parameters<KeystoreProviderV1["deleteKeystore"]>[1],
  ) => {
    seen.push(`${operation} ${requestId} ${keystoreId}`)
    if (hangs) await new Promise(() => undefined)
  }
  const provider: KeystoreProviderV1 = {
    async createKeystore({ keystoreId }, call) {
      await note("create", call)
      return { configuration: { address, key_name: keystoreId }, secrets: { token: secret } }
    },
    deleteKeystore: (_, call) => note("delete", call),
  }
  const repository = new InMemoryPlatformKeystores()
  const jobs = new InMemoryJobs()
  const { audit, clock, manager, running } = all
  const catalog = {
    ...all.catalog,
    keystorePlugin: () => ({ ...running, instance: { ...running.instance, provider } }),
  }
  const keystores = new PlatformKeystores({ catalog, repository, manager, jobs, maximumAttempts: 2, audit, clock })
  await keystores.start()
  await keystores.request("acme", { plugin_type: "toy", plugin_name: "provided" }, all.call())
  return { ...all, keystores, jobs, seen, secret }
}

describe("a platform keystore", () => {
  it("is made by a job, whose calls name job and keystore, and handed to the tenant without its secret in memory", async () => {
    const { keystores, jobs, manager, seen, secret, leaves } = await platform()
    await jobs.run("job-1")
    expect(await keystores.get(target)).toMatchObject({ state: "ready", configuration: { key_name: "provided" } })
    expect(await manager.get("acme", "provided")).toMatchObject({ state: "inactive", pluginType: "toy" })
    expect(seen).toEqual(["create job-1 provided"])
    expect(secret.every((byte) => byte === 0)).toBe(true)
    expect(leaves().map(({ action }) => action)).toContain("configurationCreate")
  })

  it("is removed from the tenant at once, and from the server by a job", async () => {
    const { keystores, jobs, manager, seen, call } = await platform()
    await jobs.run("job-1")
    await keystores.remove(target, call())
    await expect(manager.get("acme", "provided")).rejects.toMatchObject({ code: "KEYSTORE_NOT_FOUND" })
    await jobs.run("job-2")
    await expect(keystores.get(target)).rejects.toMatchObject({ code: "KEYSTORE_NOT_FOUND" })
    expect(seen).toEqual(["create job-1 provided", "delete job-2 provided"])
  })

  it("is tried again after a server that never answers, and has failed after the last attempt", async () => {
    const { keystores, jobs, clock } = await platform(true)
    const first = expect(jobs.run("job-1")).rejects.toMatchObject({ code: "TIMED_OUT" })
    await clock.advance(55_000)
    await first
    expect(await keystores.get(target)).toMatchObject({ state: "pending", failure: { code: "TIMED_OUT" } })
    const last = jobs.run("job-1", 2)
    await clock.advance(55_000)
    await last
    expect(await keystores.get(target)).toMatchObject({ state: "failed", failure: { code: "TIMED_OUT" } })
    expect(clock.pendingTimers()).toBe(0)
  })
})
