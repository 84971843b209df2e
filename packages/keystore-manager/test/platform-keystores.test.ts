import type { KeystoreProviderV1 } from "@apeiro-cmk/plugin-interface"
import { pluginError } from "@apeiro-cmk/plugin-sdk"
import { describe, expect, it } from "vitest"
import { PlatformKeystores } from "../src/index.ts"
import { InMemoryJobs, InMemoryPlatformKeystores } from "./in-memory-platform.ts"
import { address, at, secretText, setUp, toyDocument } from "./set-up.ts"

const target = { tenantId: "acme", keystoreId: "provided" }

async function platform(hangs = false) {
  const all = setUp()
  const seen: string[] = []
  const server = { isDown: false }
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
      const configuration = { address, mount_path: "transit", key_name: keystoreId }
      return { configuration, secrets: { token: secret } }
    },
    async locateKeystore({ keystoreId }) {
      if (server.isDown) throw pluginError("UNREACHABLE", "Nobody answers.", "Wait.")
      return { identityPrefix: `cluster-1/transit/${keystoreId}` }
    },
    deleteKeystore: (_, call) => note("delete", call),
  }
  const repository = new InMemoryPlatformKeystores()
  const jobs = new InMemoryJobs()
  const { audit, clock, credentials, manager, running, repository: saved } = all
  const catalog = {
    ...all.catalog,
    keystorePlugin: () => ({ ...running, instance: { ...running.instance, provider } }),
  }
  const keystores = new PlatformKeystores({
    ...{ catalog, repository, keystores: saved, credentials, manager, jobs, maximumAttempts: 2, audit, clock },
  })
  await keystores.start()
  await keystores.request("acme", { plugin_type: "toy", plugin_name: "provided" }, all.call())
  return { ...all, keystores, jobs, repository, saved, seen, secret, server }
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

  describe("is not removed", () => {
    const configured = { address, key_name: "provided" }

    it("while it wraps a tenant key, however its configuration is spelt", async () => {
      const { keystores, jobs, manager, seen, call } = await platform()
      await jobs.run("job-1")
      await manager.activate("acme", "provided", call())
      const shorter = { address: `${address.toUpperCase()}/`, key_name: "provided" }
      await manager.change("acme", "provided", shorter, at(2), call())
      await expect(keystores.remove(target, call())).rejects.toMatchObject({ code: "KEYSTORE_IN_USE" })
      expect(await keystores.get(target)).toMatchObject({ state: "ready" })
      expect(await manager.get("acme", "provided")).toMatchObject({ state: "active" })
      expect(seen).toEqual(["create job-1 provided"])
    })

    it("while a claim or a wrap has the identity that its server states", async () => {
      const { keystores, jobs, repository, manager, seen, leaves, call } = await platform()
      await jobs.run("job-1")
      await manager.remove("acme", "provided", at(1), call())
      repository.identitiesInUse.push("cluster-1/transit/provided/l1")
      await expect(keystores.remove(target, call())).rejects.toMatchObject({ code: "KEYSTORE_IN_USE" })
      expect(await keystores.get(target)).toMatchObject({ state: "ready" })
      expect(seen).toEqual(["create job-1 provided"])
      expect(leaves().at(-1)).toMatchObject({ action: "keystoreRemovalRequest", code: "KEYSTORE_IN_USE" })
    })

    it.each([
      ["another tenant", { tenantId: "globex" }, toyDocument(configured, "same")],
      ["the same tenant under another name", {}, toyDocument({ ...configured, mount_path: "transit" }, "same")],
      ["a spelling of the address", { tenantId: "globex" }, toyDocument({ ...configured, address: `${address}/` })],
    ])("while the configuration of %s names it", async (_, settings, document) => {
      const { keystores, jobs, manager, seen, call } = await platform()
      await jobs.run("job-1")
      const other = call(settings)
      await manager.add(other.tenantId, document, other)
      await expect(keystores.remove(target, call())).rejects.toMatchObject({
        code: "KEYSTORE_IN_USE",
        message: expect.stringContaining(`"${document.plugin_name}" of tenant "${other.tenantId}"`),
      })
      expect(await manager.get("acme", "provided")).toMatchObject({ state: "inactive" })
      expect(seen).toEqual(["create job-1 provided"])
    })

    it("while its server does not say which key it is", async () => {
      const { keystores, jobs, manager, server, call } = await platform()
      await jobs.run("job-1")
      server.isDown = true
      await expect(keystores.remove(target, call())).rejects.toMatchObject({ code: "UNREACHABLE" })
      expect(await keystores.get(target)).toMatchObject({ state: "ready" })
      expect(await manager.get("acme", "provided")).toMatchObject({ state: "inactive" })
    })

    it("by a job of an earlier version that asked for it without a proof", async () => {
      const { keystores, jobs, repository, seen, clock } = await platform()
      await jobs.run("job-1")
      await repository.changePlatformKeystore(target, "ready", { state: "removing", updatedAtMs: clock.nowMs() }, [])
      repository.identitiesInUse.push("cluster-1/transit/provided/l1")
      await jobs.enqueue("platform-keystore", target)
      await jobs.run("job-2")
      expect(await keystores.get(target)).toMatchObject({ state: "removing", failure: { code: "KEYSTORE_IN_USE" } })
      expect(seen).toEqual(["create job-1 provided"])
    })
  })
})
