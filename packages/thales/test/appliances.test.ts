import { randomBytes } from "node:crypto"
import type { ConnectionStep, KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { softHsmAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { FaultyHsm } from "./faulty-hsm.ts"

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }
const addresses = ["192.168.1.100", "192.168.1.101"]
const hangMs = 20_000

describe.skipIf(!(await softHsmAvailable()))("two appliances with one key", () => {
  let faulty: FaultyHsm
  let serials: readonly string[]
  beforeAll(async () => {
    faulty = await FaultyHsm.start(["pair", "pair"])
    serials = faulty.hsm.admin.serialNumbers("pair")
  })
  afterAll(() => faulty.stop())

  async function open(materials: readonly Buffer[] = Array(2).fill(randomBytes(32)), settings: object = {}) {
    const key_label = faulty.hsm.newLabel()
    for (const [index, material] of materials.entries())
      faulty.hsm.admin.putKey(serials[index] ?? "", key_label, material)
    const more = { hsm_ip_addresses: addresses, serial_numbers: serials, partition_label: "pair", key_label }
    const { keystore, services } = await faulty.open({ recoveryMs: 100, tryTimeoutMs: 500, ...settings }, more)
    return { keystore, services }
  }

  const encrypt = (keystore: KeystoreV1) => {
    const call = testCall({ timeoutMs: hangMs })
    onTestFinished(() => call.dispose())
    return keystore.encrypt({ key: keystore.defaultKey, plaintext: new Uint8Array(32), context }, call)
  }

  async function applianceStep(keystore: KeystoreV1): Promise<ConnectionStep | undefined> {
    const steps: ConnectionStep[] = []
    for await (const step of keystore.testConnection(testCall())) steps.push(step)
    return steps.find(({ name }) => name === "appliances")
  }

  it("both hold it, and are listed with their states", async () => {
    const { keystore } = await open()
    expect(await applianceStep(keystore)).toMatchObject({
      outcome: "passed",
      facts: { hsm_appliances: ["192.168.1.100:online", "192.168.1.101:standby"] },
    })
  })

  it("are refused when they hold different keys under one label", async () => {
    const { keystore } = await open([randomBytes(32), randomBytes(32)])
    expect(await applianceStep(keystore)).toMatchObject({ outcome: "failed", code: "KEY_MISMATCH" })
  })

  it.each([
    ["fails", { action: "return", number: 48, times: -1 }],
    ["hangs", { action: "stall", times: -1 }],
  ] as const)(
    "take over from each other within the call when one %s, and the identity stays the same",
    async (_how, fault) => {
      const { keystore, services } = await open()
      const sealed = await encrypt(keystore)
      const { identity } = await keystore.describeKey(keystore.defaultKey, testCall())
      await faulty.faults.control({ function: `C_Encrypt@${serials[0]}`, ...fault })
      await encrypt(keystore)
      expect(services.logger.text()).toContain("an appliance failed")
      const opened = await keystore.decrypt({ key: keystore.defaultKey, ...sealed, context }, testCall())
      expect(opened.plaintext).toHaveLength(32)
      expect(await keystore.describeKey(keystore.defaultKey, testCall())).toMatchObject({ identity })
      expect((await applianceStep(keystore))?.outcome).not.toBe("passed")
      await faulty.faults.control()
      await expect.poll(() => services.logger.text(), { timeout: hangMs }).toContain("is back")
      expect((await applianceStep(keystore))?.facts).toEqual({
        hsm_appliances: ["192.168.1.100:online", "192.168.1.101:standby"],
      })
    },
  )

  it("have both logged in after the first call, before the second one is needed", async () => {
    const { keystore } = await open()
    await faulty.faults.calls()
    await encrypt(keystore)
    const logins: string[] = []
    const logIns = async () => {
      logins.push(...(await faulty.faults.calls()).filter((name) => name === "C_Login"))
      return logins.length
    }
    await expect.poll(logIns, { timeout: hangMs }).toBe(2)
  })

  it("are checked while idle: one that stands by and fails is listed as failed", async () => {
    const { keystore, services } = await open(undefined, { keepAliveMs: 1000, recoveryMs: 60_000 })
    await encrypt(keystore)
    await faulty.faults.control({ function: `C_Encrypt@${serials[1]}`, action: "return", number: 48, times: -1 })
    await expect.poll(() => services.logger.text(), { timeout: hangMs }).toContain("an appliance failed")
    await faulty.faults.control()
    expect((await applianceStep(keystore))?.facts).toEqual({
      hsm_appliances: ["192.168.1.100:online", "192.168.1.101:failed"],
    })
  })

  it("do not rotate the key: a version that one generates would be missing in the other", async () => {
    const { keystore } = await open()
    await expect(keystore.rotateKey(keystore.defaultKey, testCall())).rejects.toMatchObject({
      code: "UNSUPPORTED",
      nextStep: expect.stringContaining("clone it to each"),
    })
  })

  it("fail both: the call reports it, and works again when one is back", async () => {
    const { keystore } = await open()
    await encrypt(keystore)
    await faulty.faults.control({ function: "C_Encrypt", action: "return", number: 48, times: -1 })
    await expect(encrypt(keystore)).rejects.toMatchObject({ code: "UNREACHABLE" })
    await faulty.faults.control({ function: `C_Encrypt@${serials[0]}`, action: "return", number: 48, times: -1 })
    await encrypt(keystore)
  })
})
