import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { plugin } from "@apeiro-cmk/local-keystore"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { expect, it as test } from "vitest"
import { collect, setUp } from "./set-up.ts"

const it = test
  .extend("folder", async ({ task: _ }, { onCleanup }) => {
    const folder = await mkdtemp(join(tmpdir(), "keystore-manager-"))
    onCleanup(() => rm(folder, { recursive: true }))
    return folder
  })
  .extend("local", async ({ folder }, { onCleanup }) => {
    const keyFile = join(folder, "local.key")
    const instance = plugin.create({ keyFile, keyNames: ["default", "second"] }, testServices())
    await instance.start(new AbortController().signal)
    onCleanup(() => instance.stop())
    return { definition: plugin, instance }
  })

const document = (key_name: string, plugin_name = "local") => ({
  plugin_type: "local_keystore",
  plugin_name,
  configuration: { key_name },
})

it("the local keystore is tested, activated and used through the manager", async ({ local }) => {
  const { manager, call } = setUp([local])
  const steps = await collect(manager.test("acme", { document: document("default") }, call()))
  expect(steps.map(({ name }) => name)).toEqual(["key_file", "key_access", "encrypt_decrypt", "l2_derivation"])
  expect(steps.filter(({ outcome }) => outcome === "failed")).toEqual([])

  await manager.add("acme", document("default"), call())
  const answer = await manager.activate("acme", "local", call())
  expect(answer).toMatchObject({ l1_key_location: "local_keystore", l1_key_version: expect.any(String) })
  expect((await manager.health("acme", "local")).last).toMatchObject({ outcome: "success" })
})

it("each key of the local keystore serves one tenant", async ({ local }) => {
  const { manager, call } = setUp([local])
  const globex = call({ tenantId: "globex" })
  await manager.add("acme", document("default"), call())
  await manager.activate("acme", "local", call())
  await manager.add("globex", document("default"), globex)
  await expect(manager.activate("globex", "local", globex)).rejects.toMatchObject({ code: "L1_ALREADY_CLAIMED" })
  await manager.add("globex", document("second", "own"), globex)
  expect(await manager.activate("globex", "own", globex)).toMatchObject({ plugin_status: "active" })
})

it("a key that the local keystore lacks shows as a failed step", async ({ local }) => {
  const { manager, call } = setUp([local])
  const steps = await collect(manager.test("acme", { document: document("missing") }, call()))
  expect(steps).toContainEqual(expect.objectContaining({ outcome: "failed", code: "KEY_NOT_FOUND" }))
})
