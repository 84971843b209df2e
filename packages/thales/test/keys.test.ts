import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { openInProcess, testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { softHsmAvailable } from "@apeiro-cmk/test-backends"
import type * as pkcs11js from "pkcs11js"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"
import { Hsm } from "./hsm.ts"

const CKA = { SENSITIVE: 259, ENCRYPT: 260, DECRYPT: 261, WRAP: 262, UNWRAP: 263, VALUE_LEN: 353, EXTRACTABLE: 354 }
const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }

describe.skipIf(!(await softHsmAvailable()))("thales on SoftHSM", () => {
  let hsm: Hsm
  beforeAll(async () => {
    hsm = await Hsm.start(["partition", "double", "double"])
  })
  afterAll(() => hsm.stop())

  async function open(more: object, settings: object = {}) {
    const pluginConfiguration = { ...hsm.pluginConfiguration(), ...settings }
    const started = await openInProcess(plugin, { pluginConfiguration, services: testServices() })
    onTestFinished(() => started.stop())
    return started.openKeystore({ ...hsm.configuration("partition", hsm.newLabel()), ...more }, testCall())
  }

  async function withKey(more: pkcs11js.Template, configuration: object = {}) {
    const key_label = hsm.newLabel()
    hsm.admin.createKey("partition", key_label, more)
    return open({ key_label, ...configuration })
  }

  async function stepsOf(keystore: Awaited<ReturnType<typeof open>>) {
    const steps: ConnectionStep[] = []
    for await (const step of keystore.testConnection(testCall())) steps.push(step)
    return steps
  }

  it("describes what the HSM holds now, even after it has described or used the key", async () => {
    const key_label = hsm.newLabel()
    hsm.admin.createKey("partition", key_label)
    const keystore = await open({ key_label })
    const key = keystore.defaultKey
    const before = await keystore.describeKey(key, testCall())
    await keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
    hsm.admin.deleteKey("partition", key_label)
    await expect(keystore.describeKey(key, testCall())).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
    await expect(keystore.listKeyVersions(key, testCall())).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
    hsm.admin.createKey("partition", key_label)
    const after = await keystore.describeKey(key, testCall())
    expect(after.latestVersion).not.toBe(before.latestVersion)
    expect(after.identity).not.toBe(before.identity)
  })

  it("does not take a version of one key for a key of its own, which two tenants could claim", async () => {
    const keystore = await withKey([])
    const { keyId } = keystore.defaultKey
    await keystore.rotateKey(keystore.defaultKey, testCall())
    const version = await open({ key_label: `${keyId}.v2` })
    await expect(version.describeKey(version.defaultKey, testCall())).rejects.toMatchObject({
      ...{ code: "KEY_UNSUITABLE", message: expect.stringContaining(`"${keyId}"`) },
    })
    expect((await stepsOf(version)).map(({ outcome }) => outcome)).toContain("failed")
  })

  it("takes a key whose label merely looks like that of a version", async () => {
    const key_label = `${hsm.newLabel()}.v2`
    hsm.admin.createKey("partition", key_label)
    const keystore = await open({ key_label })
    expect(await keystore.describeKey(keystore.defaultKey, testCall())).toMatchObject({ state: "ENABLED" })
  })

  it.each<[string, pkcs11js.Template]>([
    ["could leave the HSM", [{ type: CKA.EXTRACTABLE, value: true }]],
    ["is not sensitive", [{ type: CKA.SENSITIVE, value: false }]],
    ["does not decrypt", [{ type: CKA.DECRYPT, value: false }]],
  ])("refuses a key that %s", async (_what, attributes) => {
    const keystore = await withKey(attributes)
    const request = { key: keystore.defaultKey, plaintext: new Uint8Array(32), context }
    await expect(keystore.encrypt(request, testCall())).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
  })

  it.each<[string, pkcs11js.Template, number]>([
    ["AES-GCM where the key encrypts", [], 1],
    [
      "AES key wrap where the key wraps and does not encrypt",
      [
        { type: CKA.ENCRYPT, value: false },
        { type: CKA.DECRYPT, value: false },
        { type: CKA.WRAP, value: true },
        { type: CKA.UNWRAP, value: true },
      ],
      3,
    ],
  ])("wraps by %s, bound to its context, from 1 to 4096 bytes", async (_how, attributes, mark) => {
    const keystore = await withKey(attributes)
    const key = keystore.defaultKey
    for (const length of [1, 7, 8, 32, 4096]) {
      const plaintext = new Uint8Array(length).fill(length % 251)
      const sealed = await keystore.encrypt({ key, plaintext, context }, testCall())
      expect(sealed.ciphertext[0]).toBe(mark)
      const opened = await keystore.decrypt({ key, ...sealed, context }, testCall())
      expect(Buffer.from(opened.plaintext).equals(plaintext)).toBe(true)
      const other = keystore.decrypt({ key, ...sealed, context: { ...context, tenantId: "mallory" } }, testCall())
      await expect(other).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
      const altered = Uint8Array.from(sealed.ciphertext, (byte, index) => (index === 20 ? byte ^ 1 : byte))
      const spoiled = keystore.decrypt({ key, ...sealed, ciphertext: altered, context }, testCall())
      await expect(spoiled).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
    }
  })

  it("reports from the attributes whether a key can be exported", async () => {
    const good = await withKey([])
    expect(await good.describeKey(good.defaultKey, testCall())).toMatchObject({ exportable: false, warnings: [] })
    const exportable = await withKey([{ type: CKA.EXTRACTABLE, value: true }])
    expect(await exportable.describeKey(exportable.defaultKey, testCall())).toMatchObject({ exportable: true })
    const short = await withKey([{ type: CKA.VALUE_LEN, value: 16 }])
    expect(await short.describeKey(short.defaultKey, testCall())).toMatchObject({
      ...{ algorithm: "aes128-gcm", warnings: [expect.stringContaining("256 bits")] },
    })
  })

  it("refuses a label that two keys share", async () => {
    const key_label = hsm.newLabel()
    for (let time = 0; time < 2; time += 1) hsm.admin.createKey("partition", key_label)
    const keystore = await open({ key_label })
    await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
  })

  it("finds a partition by its label, and warns when it is not in the configured slot", async () => {
    const steps = await stepsOf(await withKey([], { slot_id: 1 }))
    expect(steps.find(({ name }) => name === "partition")).toMatchObject({
      ...{ outcome: "warned", nextStep: expect.stringContaining("slots move") },
    })
  })

  it.each([
    ["no partition has that label", { partition_label: "nowhere" }, "labelled nowhere"],
    ["the serial number differs", { serial_numbers: ["0000"] }, "serial number"],
    ["two share the label", { partition_label: "double" }, "set serial_numbers"],
  ])("reports which partition is missing when %s", async (_what, configuration, words) => {
    const step = (await stepsOf(await open(configuration))).find(({ outcome }) => outcome === "failed")
    expect(step).toMatchObject({ name: "partition", outcome: "failed", message: expect.stringContaining(words) })
  })

  it("reports a missing library, and refuses modules that the operator has not configured", async () => {
    const modules = { test: { library: "/nowhere/lib.so" } }
    const step = (await stepsOf(await open({}, { modules }))).find(({ outcome }) => outcome === "failed")
    expect(step).toMatchObject({ outcome: "failed", message: expect.stringContaining("cannot be loaded") })
    await expect(open({ module: "other" })).rejects.toMatchObject({
      issues: [{ path: ["module"], allowed: ["test"] }],
    })
  })

  it("checks whether the appliances can be reached, where the operator allows it and has configured a port", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const key_label = hsm.newLabel()
    hsm.admin.createKey("partition", key_label)
    const { test } = hsm.pluginConfiguration().modules
    const check = async (allowedAddresses: readonly string[], checkedPort = port) => {
      const modules = { test: { ...test, port: checkedPort } }
      return (await stepsOf(await open({ key_label }, { modules, allowedAddresses })))[0]
    }
    expect(await check(["127.0.0.0/8"])).toMatchObject({ name: "network", outcome: "passed" })
    expect(await check([])).toMatchObject({ outcome: "failed", nextStep: expect.stringContaining("allowedAddresses") })
    expect(await check(["127.0.0.0/8"], 9)).toMatchObject({ outcome: "failed", code: "UNREACHABLE" })
  })

  it("sees a version that somebody else has generated, and decrypts what older versions wrapped", async () => {
    const keystore = await withKey([])
    const { keyId } = keystore.defaultKey
    const key = keystore.defaultKey
    const encrypt = () => keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
    const old = await encrypt()
    hsm.admin.createKey("partition", `${keyId}.v2`)
    const fresh = await encrypt()
    expect([old.keyVersion, fresh.keyVersion]).toEqual([
      expect.stringMatching(/^1-[0-9a-f]{6}$/),
      expect.stringMatching(/^2-[0-9a-f]{6}$/),
    ])
    expect(await keystore.listKeyVersions(key, testCall())).toMatchObject([
      { versionId: old.keyVersion, status: "DECRYPT_ONLY" },
      { versionId: fresh.keyVersion, status: "ENABLED" },
    ])
    for (const sealed of [old, fresh]) {
      expect((await keystore.decrypt({ key, ...sealed, context }, testCall())).plaintext).toHaveLength(32)
    }
    await keystore.deleteKey(key, testCall())
    expect([keyId, `${keyId}.v2`].map((label) => hsm.admin.keyExists("partition", label))).toEqual([false, false])
  })

  it("reports its findings as facts", async () => {
    const steps = await stepsOf(await withKey([]))
    expect(steps.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      "network skipped",
      "client_certificate skipped",
      "partition passed",
      "key_access passed",
      "mechanism passed",
      "appliances passed",
      "round_trip passed",
      "latency passed",
    ])
    expect(Object.assign({}, ...steps.map(({ facts }) => facts))).toEqual({
      partition_status: "authenticated",
      hsm_serial_number: expect.stringMatching(/^[0-9a-f]{16}$/),
      hsm_firmware: "2.6",
      hsm_appliances: ["127.0.0.1:online"],
      wrap_mechanism: "CKM_AES_GCM with an initialization vector from the plugin",
      latency_ms: expect.any(Number),
      fips_level: "not_reported",
    })
  })
})
