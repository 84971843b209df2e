import assert from "node:assert/strict"
import type { KeystoreConfigurationInput, PluginError } from "@apeiro-cmk/plugin-interface"
import { secretFields } from "@apeiro-cmk/plugin-sdk"
import { assertNoCanary, expectRejection } from "../../cases/expectations.ts"
import { assertIssueAt, without } from "../../cases/faulty-configurations.ts"
import {
  assertNumbersAreBounded,
  assertShortIssues,
  assertTextsAreBounded,
  hostileConfigurations,
} from "../../cases/hostile-configurations.ts"
import { assertSoundDocuments } from "../../cases/setup-documents.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"
import { expectStillWorks } from "./cryptography-cases.ts"

export const configurationCases: readonly KeystoreCase[] = [
  {
    name: "accepts the valid configuration",
    async run({ definition, configuration }) {
      assert.deepEqual(definition.configuration.keystore.parse(configuration).ok, true)
    },
  },
  {
    name: "refuses an unknown field by its name, before any network",
    async run(opened) {
      const error = await expectRefused(opened, { ...opened.configuration, no_such_field: true })
      assertIssueAt(error.issues, "no_such_field")
    },
  },
  {
    name: "refuses a value of the wrong type in any field, before any network",
    async run(opened) {
      for (const field of Object.keys(opened.configuration)) {
        const error = await expectRefused(opened, { ...opened.configuration, [field]: { wrong: "type" } })
        assertIssueAt(error.issues, field)
      }
    },
  },
  {
    name: "refuses a configuration without a required field, before any network",
    async run(opened) {
      const { required } = opened.definition.manifest.keystoreConfigurationSchema
      for (const field of Array.isArray(required) ? required.map(String) : []) {
        const error = await expectRefused(opened, without(opened.configuration, [field]))
        assertIssueAt(error.issues, field)
      }
    },
  },
  {
    name: "reports every fault at once",
    async run(opened) {
      const [field] = Object.keys(opened.configuration)
      assert.ok(field !== undefined, "the configuration must have a field")
      const faulty = { ...opened.configuration, [field]: { wrong: "type" }, no_such_field: true }
      const error = await expectRefused(opened, faulty)
      assertIssueAt(error.issues, field)
      assertIssueAt(error.issues, "no_such_field")
    },
  },
  {
    name: "refuses what is not a configuration at all",
    async run(opened) {
      for (const input of [undefined, null, 7, "text", []]) {
        assert.equal(opened.definition.configuration.keystore.parse(input).ok, false)
      }
    },
  },
  {
    name: "judges hostile texts and sizes at once, and refuses them in at most 50 short issues",
    async run(opened) {
      const { manifest, configuration } = opened.definition
      await assertTextsAreBounded(configuration.keystore, manifest.keystoreConfigurationSchema, opened.configuration)
      await assertNumbersAreBounded(configuration.keystore, opened.configuration)
      await assertTextsAreBounded(configuration.plugin, manifest.pluginConfigurationSchema, {})
      await assertNumbersAreBounded(configuration.plugin, {})
      for (const input of hostileConfigurations(manifest.keystoreConfigurationSchema, opened.configuration)) {
        const error = await expectRefused(opened, input)
        assertShortIssues("the plugin's refusal", error.issues ?? [])
        assert.ok(error.message.length < 3_000, `the refusal has ${error.message.length} characters`)
      }
    },
  },
  {
    name: "marks as secret each field that holds one",
    async run({ definition, configuration, canaries }) {
      const secrets = secretFields(definition.manifest.keystoreConfigurationSchema)
      const holding = Object.entries(configuration).filter(([, value]) => canaries.some((canary) => canary === value))
      for (const [field] of holding) assert.ok(secrets.includes(field), `${field} must be marked writeOnly: true`)
    },
  },
  {
    name: "writes its set-up material before credentials exist, the same each time and without a secret",
    async run({ plugin, definition, configuration, canaries, proxy, call }) {
      const connectionsBefore = proxy?.acceptedSockets
      const withoutSecrets = without(configuration, secretFields(definition.manifest.keystoreConfigurationSchema))
      const documents = await plugin.setupMaterial(withoutSecrets, call())
      assertNoCanary("the set-up material", JSON.stringify(await plugin.setupMaterial(configuration, call())), canaries)
      assertSoundDocuments(documents)
      assert.deepEqual(await plugin.setupMaterial(withoutSecrets, call()), documents)
      assert.deepEqual(await plugin.setupMaterial(configuration, call()), documents)
      assert.equal(proxy?.acceptedSockets, connectionsBefore, "the network was touched")
    },
  },
]

async function expectRefused(opened: KeystoreCaseContext, input: KeystoreConfigurationInput): Promise<PluginError> {
  const connectionsBefore = opened.proxy?.acceptedSockets
  assert.equal(opened.definition.configuration.keystore.parse(input).ok, false, "the parser must refuse it, too")
  const error = await expectRejection(opened.plugin.openKeystore(input, opened.call()), "INVALID_REQUEST")
  assert.equal(opened.proxy?.acceptedSockets, connectionsBefore, "the network was touched")
  return error
}

/** A secret that the keystore does not know. Chosen by the manifest: only for plugins whose configuration has secrets. */
export const credentialCases: readonly KeystoreCase[] = [
  {
    name: "says CREDENTIAL_REJECTED when a secret is wrong, and nothing else about the keystore",
    async run(opened) {
      const secrets = secretFields(opened.definition.manifest.keystoreConfigurationSchema)
      for (const field of secrets.filter((name) => name in opened.configuration)) {
        const wrong = { ...opened.configuration, [field]: "a-wrong-secret-of-the-contract" }
        const attempt = async () => {
          const keystore = await opened.plugin.openKeystore(wrong, opened.call())
          try {
            await keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, opened.call())
          } finally {
            await keystore.close()
          }
        }
        await expectRejection(attempt(), "CREDENTIAL_REJECTED")
      }
      await expectStillWorks(opened)
    },
  },
]
