import type { KeystorePluginV1, NotificationPluginV1 } from "@apeiro-cmk/plugin-interface"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import { definePlugin, type KeystorePluginSource, secret, secretFields } from "../src/index.ts"
import { openInProcess, testCall } from "../src/testing.ts"
import { plugin as example } from "./example-plugin.ts"

const text = () => z.string().max(100)

const reason = "not needed here"
const manifest = {
  name: "sample",
  kind: "keystore",
  contract: "keystore/v1",
  pluginType: "sample",
  displayName: "Sample",
  description: "A sample.",
  capabilities: ["rotateKey"],
  unsupported: {
    listKeyVersions: reason,
    createKey: reason,
    enableKey: reason,
    disableKey: reason,
    deleteKey: reason,
    importKey: reason,
  },
  activationFacts: { vault_version: { description: "As sys/health states it." } },
  identityFields: ["address"],
  productionReady: true,
} as const

const keystore = z.strictObject({
  address: text(),
  token: secret().optional(),
  pin: secret().nullable().default(null),
})

function define(changes: object = {}, schemas: { plugin?: z.ZodType; keystore?: z.ZodType } = {}) {
  const source: KeystorePluginSource<z.ZodType, z.ZodType> = {
    manifest: { ...manifest, ...changes },
    configuration: { plugin: schemas.plugin ?? z.strictObject({}), keystore: schemas.keystore ?? keystore },
    create: () => {
      throw new Error("not made in this test")
    },
  }
  return definePlugin(source)
}

const faultsOf = (work: () => unknown): string[] => {
  try {
    work()
  } catch (error) {
    return Object(error).issues.map(
      (issue: { path: string[]; message: string }) => `${issue.path.join(".")}: ${issue.message}`,
    )
  }
  return []
}

describe("definePlugin", () => {
  it("puts both JSON Schemas into a manifest that is frozen, cloneable plain data", () => {
    const { manifest: made } = define()
    expect(structuredClone(made)).toEqual(made)
    expect(JSON.parse(JSON.stringify(made))).toEqual(made)
    expect(made.keystoreConfigurationSchema).toMatchObject({
      $schema: "http://json-schema.org/draft-07/schema#",
      additionalProperties: false,
      required: ["address"],
      properties: { token: { type: "string", writeOnly: true } },
    })
    expect(Object.isFrozen(made)).toBe(true)
    expect(Object.isFrozen(made.unsupported)).toBe(true)
    expect(Object.isFrozen(made.keystoreConfigurationSchema.properties)).toBe(true)
    expect(() => Object.assign(made, { name: "other" })).toThrow(TypeError)
  })

  it("leaves the author's own objects unfrozen and unshared", () => {
    const capabilities = ["rotateKey"]
    const definition = define({ capabilities })
    capabilities.push("deleteKey")
    expect(definition.manifest.capabilities).toEqual(["rotateKey"])
  })

  it("marks the secret fields, also optional and nullable ones", () => {
    expect(secretFields(define())).toEqual(["token", "pin"])
    expect(secretFields(keystore)).toEqual(["token", "pin"])
    expect(secretFields(define().manifest.keystoreConfigurationSchema)).toEqual(["token", "pin"])
    const forms = z.discriminatedUnion("method", [
      z.strictObject({ method: z.literal("token"), token: secret() }),
      z.strictObject({ method: z.literal("approle"), secret_id: secret() }),
    ])
    expect(secretFields(forms)).toEqual(["token", "secret_id"])
  })

  it("works for the other kinds", async () => {
    const delivered: string[] = []
    const instance: NotificationPluginV1 = {
      start: async () => {},
      stop: async () => {},
      async *testConnection() {},
      setupMaterial: async () => [],
      deliver: async (_event, target) => {
        delivered.push(target)
      },
    }
    const definition = definePlugin({
      manifest: {
        name: "bell",
        kind: "notification",
        contract: "notification/v1",
        displayName: "Bell",
        description: "Rings.",
        capabilities: [],
        unsupported: {},
      },
      configuration: { plugin: z.strictObject({ volume: z.number().default(1) }) },
      create: (configuration) => {
        delivered.push(`volume ${configuration.volume}`)
        return instance
      },
    })
    expect(definition.manifest.pluginConfigurationSchema).toMatchObject({ properties: { volume: { default: 1 } } })
    expect(await openInProcess(definition)).toBe(instance)
    expect(delivered).toEqual(["volume 1"])
  })

  it("names every fault of a manifest at once", () => {
    expect(
      faultsOf(() =>
        define({
          name: "Open Bao",
          pluginType: "open-bao",
          displayName: " ",
          contract: "keystore/v2",
          capabilities: ["rotateKey", "createKey"],
          unsupported: { ...manifest.unsupported, importKey: "" },
          activationFacts: { status: { description: "x" } },
          identityFields: ["address", "token", "mount"],
        }),
      ),
    ).toEqual([
      "name: must be lower-case letters, digits and dashes",
      "displayName: must not be empty",
      "contract: must be keystore/v1",
      "unsupported.importKey: must give a reason",
      "capabilities: createKey must be either a capability or listed under unsupported with a reason",
      "pluginType: must be lower-case letters, digits and underscores",
      "identityFields: token is a secret, which may change",
      "identityFields: mount is not a field of the keystore configuration",
      "activationFacts.status: is a field that the host sets",
    ])
  })

  it("refuses a manifest that is not plain data", () => {
    for (const changes of [
      { displayName2: () => "x" },
      { made: new Date() },
      { size: Number.NaN },
      { list: [undefined] },
    ]) {
      expect(faultsOf(() => define(changes))).toEqual([
        ": must be plain data: text, numbers, booleans, lists and objects",
      ])
    }
  })

  it("refuses schemas that let unknown fields or hidden secrets through", () => {
    const faulty: [z.ZodType, string][] = [
      [z.object({ address: text() }), "the document takes unknown fields"],
      [z.looseObject({ address: text() }), "the document takes unknown fields"],
      [z.strictObject({ address: text(), tls: z.object({ ca: text() }) }), "tls takes unknown fields"],
      [
        z.strictObject({ address: text(), login: z.strictObject({ token: secret() }) }),
        "login.token is a secret below the top level",
      ],
      [
        z.strictObject({ address: text(), tokens: z.array(secret()).max(2) }),
        "tokens.* is a secret below the top level",
      ],
      [
        z.strictObject({ address: text(), tokens: z.record(text(), secret()).meta({ maxProperties: 2 }) }),
        "tokens.* is a secret below the top level",
      ],
      [z.strictObject({ address: text().meta({ id: "shared" }) }), "address is a reference"],
    ]
    for (const [schema, fault] of faulty) {
      expect(faultsOf(() => define({}, { keystore: schema })).join(), fault).toContain(
        `keystoreConfigurationSchema: ${fault}`,
      )
    }
    expect(faultsOf(() => define({}, { plugin: text() }))).toEqual([
      "pluginConfigurationSchema: must describe an object",
    ])
  })

  it("refuses schemas in which a text, a list or an object may be of any size", () => {
    const unbounded: [z.ZodType, string][] = [
      [z.string(), "address has no longest length: use .max()"],
      [z.string().regex(/^a+$/).optional(), "address has no longest length: use .max()"],
      [z.array(text()), "address has no largest number of entries: use .max()"],
      [z.array(z.string()).max(2), "address.* has no longest length: use .max()"],
      [z.record(text(), text()), "address has no largest number of fields: use .meta({ maxProperties })"],
      [z.union([z.int(), z.array(z.string()).max(2)]), "address.* has no longest length: use .max()"],
    ]
    for (const [field, fault] of unbounded) {
      const keystore = z.strictObject({ address: field })
      expect(faultsOf(() => define({ identityFields: [] }, { keystore }))).toEqual([
        `keystoreConfigurationSchema: ${fault}`,
      ])
    }
    const address = z.enum(["a", "b"])
    expect(define({}, { keystore: z.strictObject({ address }) }).manifest.name).toBe("sample")
  })

  it("refuses a schema that JSON Schema cannot express", () => {
    const schema = z.strictObject({ address: text(), made: z.date() })
    expect(() => define({}, { keystore: schema })).toThrow(expect.objectContaining({ code: "INTERNAL" }))
  })

  it("keeps the marker of a secret under further conditions", () => {
    const refined = z.strictObject({
      pin: secret()
        .refine((handle) => handle.version !== "0")
        .meta({ title: "PIN" }),
      token: secret().transform((handle) => handle.version),
      either: z.union([secret(), z.number()]),
    })
    expect(secretFields(refined)).toEqual(["pin", "token", "either"])
  })

  it("parses both configurations by the same rules", () => {
    const definition = define()
    expect(definition.configuration.keystore.parse({ address: "a" })).toMatchObject({ ok: true })
    expect(definition.configuration.keystore.parse({ adress: "a" })).toMatchObject({
      ok: false,
      issues: [{ path: ["address"] }, { path: ["adress"] }],
    })
    expect(definition.configuration.plugin.parse({ x: 1 })).toMatchObject({ ok: false })
  })

  it("makes a plugin that the host can open without knowing its types", async () => {
    const started: KeystorePluginV1 = await openInProcess(example)
    expect(await started.setupMaterial({}, testCall())).toMatchObject([{ fileName: "token.txt" }])
    await started.stop()
    await started.stop()
  })
})

describe("openInProcess", () => {
  it("rejects a wrong plugin configuration before anything is made", async () => {
    await expect(openInProcess(example, { pluginConfiguration: { allowedEndpoint: [] } })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      issues: [{ path: ["allowedEndpoint"] }],
    })
  })
})
