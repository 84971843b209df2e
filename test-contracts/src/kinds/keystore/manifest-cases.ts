import assert from "node:assert/strict"
import { keystoreCapabilities } from "@apeiro-cmk/plugin-interface"
import { assertFrozenPlainData } from "../../cases/plain-data.ts"
import type { KeystoreCase } from "./case-context.ts"
import { expectedByBackend } from "./expected-capabilities.ts"

export const manifestCases: readonly KeystoreCase[] = [
  {
    name: "is frozen plain data that survives a clone",
    async run({ definition }) {
      assertFrozenPlainData(definition.manifest)
    },
  },
  {
    name: "has each capability, or says why not",
    async run({ definition: { manifest } }) {
      for (const capability of keystoreCapabilities) {
        const reason = manifest.unsupported[capability]
        if (manifest.capabilities.includes(capability)) assert.equal(reason, undefined, `${capability} is listed twice`)
        else assert.ok(reason?.trim(), `there is no reason why ${capability} is missing`)
      }
    },
  },
  {
    name: "has each capability that its kind of keystore can give",
    async run({ definition: { manifest }, options }) {
      const { backendType, expectedCapabilities, missingCapabilities } = options
      const expected = expectedCapabilities ?? expectedByBackend[backendType]
      const missing = expected.filter((capability) => !manifest.capabilities.includes(capability))
      if (missingCapabilities === "print" && missing.length > 0) {
        process.stderr.write(`TODO: ${manifest.name} lacks what its keystore can do: ${missing.join(", ")}\n`)
      } else assert.deepEqual(missing, [], "the keystore can do this, and the plugin does not")
    },
  },
  {
    name: "is the same before and after the plugin has run",
    async run({ definition, plugin, instance, call }) {
      const before = structuredClone(definition.manifest)
      await instance.probe(call())
      await instance.close()
      await plugin.stop()
      assert.deepEqual(definition.manifest, before)
    },
  },
  {
    name: "names as identity only fields that the configuration has",
    async run({ definition: { manifest }, configuration }) {
      const known = JSON.stringify(manifest.keystoreConfigurationSchema)
      assert.notEqual(manifest.identityFields.length, 0, "some field must say which key it is")
      for (const field of manifest.identityFields) {
        assert.ok(
          field in configuration || known.includes(JSON.stringify(field)),
          `the configuration has no field ${field}`,
        )
      }
    },
  },
]
