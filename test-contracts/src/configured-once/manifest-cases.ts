import assert from "node:assert/strict"
import { pluginKinds } from "@apeiro-cmk/plugin-interface"
import { assertLoadsNoVendorSdk } from "../cases/loaded-packages.ts"
import { assertFrozenPlainData } from "../cases/plain-data.ts"
import type { PluginCase } from "./case-context.ts"

export const manifestCases: readonly PluginCase[] = [
  {
    name: "is frozen plain data that survives a clone",
    async run({ manifest }) {
      assertFrozenPlainData(manifest)
    },
  },
  {
    name: "names the contract of its kind",
    async run({ manifest }) {
      assert.equal(manifest.contract, pluginKinds[manifest.kind].contract)
    },
  },
  {
    name: "has each capability of its kind, or says why not",
    async run({ manifest }) {
      const declared: readonly string[] = manifest.capabilities
      const reasons = new Map<string, string>(Object.entries(manifest.unsupported))
      for (const capability of pluginKinds[manifest.kind].capabilities) {
        const reason = reasons.get(capability)
        if (declared.includes(capability)) assert.equal(reason, undefined, `${capability} is listed twice`)
        else assert.ok(reason?.trim(), `there is no reason why ${capability} is missing`)
      }
    },
  },
  {
    name: "is the same before the start and after the stop",
    async run({ manifest, plugin, call }) {
      const before = structuredClone(manifest)
      await plugin.start(call().signal)
      await plugin.stop()
      assert.deepEqual(manifest, before)
    },
  },
  {
    name: "is readable without a vendor's SDK: importing the package loads none",
    async run({ moduleUrl, mayLoad, notProven }) {
      if (moduleUrl === undefined) return notProven("moduleUrl")
      await assertLoadsNoVendorSdk(moduleUrl, mayLoad)
    },
  },
]
