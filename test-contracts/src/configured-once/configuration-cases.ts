import assert from "node:assert/strict"
import { inspect } from "node:util"
import { secretFields } from "@apeiro-cmk/plugin-sdk"
import { assertNoCanary } from "../cases/expectations.ts"
import { assertIssueAt, without } from "../cases/faulty-configurations.ts"
import {
  assertNumbersAreBounded,
  assertTextsAreBounded,
  hostileConfigurations,
} from "../cases/hostile-configurations.ts"
import { assertSoundDocuments } from "../cases/setup-documents.ts"
import type { PluginCase, PluginCaseContext } from "./case-context.ts"
import type { PluginConfigurationInput } from "./options.ts"

export const configurationCases: readonly PluginCase[] = [
  {
    name: "accepts the valid configuration",
    async run({ parser, configuration }) {
      assert.equal(parser.parse(configuration).ok, true)
    },
  },
  {
    name: "refuses an unknown field by its name, before any network",
    run: (opened) => expectRefused(opened, { ...opened.configuration, no_such_field: true }, ["no_such_field"]),
  },
  {
    name: "refuses a value of the wrong type in any field, before any network",
    async run(opened) {
      for (const field of Object.keys(opened.configuration)) {
        await expectRefused(opened, { ...opened.configuration, [field]: { wrong: "type" } }, [field])
      }
    },
  },
  {
    name: "refuses a configuration without a required field, before any network",
    async run(opened) {
      const { required } = opened.manifest.pluginConfigurationSchema
      for (const field of Array.isArray(required) ? required.map(String) : []) {
        await expectRefused(opened, without(opened.configuration, [field]), [field])
      }
    },
  },
  {
    name: "reports every fault at once",
    async run(opened) {
      const [field] = Object.keys(opened.configuration)
      assert.ok(field !== undefined, "the configuration must have a field")
      const faulty = { ...opened.configuration, [field]: { wrong: "type" }, no_such_field: true }
      await expectRefused(opened, faulty, [field, "no_such_field"])
    },
  },
  {
    name: "refuses what is not a configuration at all",
    async run({ parser }) {
      for (const input of [undefined, null, 7, "text", []]) assert.equal(parser.parse(input).ok, false)
    },
  },
  {
    name: "judges hostile texts and sizes at once, and refuses them in at most 50 short issues",
    async run({ parser, manifest, configuration, openChanged }) {
      const { pluginConfigurationSchema: schema } = manifest
      await assertTextsAreBounded(parser, schema, configuration)
      await assertNumbersAreBounded(parser, configuration)
      for (const input of hostileConfigurations(schema, configuration)) {
        const refused = await openChanged(() => input).catch((error: unknown) => error)
        assert.ok(refused instanceof Error, "it starts with a hostile configuration")
        assert.ok(refused.message.length < 4_000, `the refusal has ${refused.message.length} characters`)
      }
    },
  },
  {
    name: "does not start with a configuration that it refuses",
    async run({ openChanged }) {
      await assert.rejects(
        openChanged((valid) => ({ ...valid, no_such_field: true })),
        (error) => inspect(error, { depth: 5 }).includes("no_such_field"),
      )
    },
  },
  {
    name: "marks as secret each field that holds one",
    async run({ manifest, configuration, canaries }) {
      const secrets = secretFields(manifest.pluginConfigurationSchema)
      const holding = Object.entries(configuration).filter(([, value]) => canaries.some((canary) => canary === value))
      for (const [field] of holding) assert.ok(secrets.includes(field), `${field} must be marked writeOnly: true`)
    },
  },
  {
    name: "writes its set-up material before the start, the same each time, without the network and without a secret",
    async run({ plugin, canaries, proxy, call }) {
      const connectionsBefore = proxy?.acceptedSockets
      const documents = await plugin.setupMaterial(call())
      assertSoundDocuments(documents)
      assertNoCanary("the set-up material", JSON.stringify(documents), canaries)
      assert.equal(proxy?.acceptedSockets, connectionsBefore, "the network was touched")
      await plugin.start(call().signal)
      assert.deepEqual(await plugin.setupMaterial(call()), documents)
    },
  },
]

async function expectRefused(
  { parser, canaries, proxy }: PluginCaseContext,
  input: PluginConfigurationInput,
  fields: readonly string[],
): Promise<void> {
  const connectionsBefore = proxy?.acceptedSockets
  const result = parser.parse(input)
  assert.ok(!result.ok, "the parser must refuse it")
  for (const field of fields) assertIssueAt(result.issues, field)
  assertNoCanary("the refusal", JSON.stringify(result.issues), canaries)
  assert.equal(proxy?.acceptedSockets, connectionsBefore, "the network was touched")
}
