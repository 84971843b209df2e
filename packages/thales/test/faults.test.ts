import type { ConnectionStep } from "@apeiro-cmk/plugin-interface"
import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { softHsmAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { FaultyHsm } from "./faulty-hsm.ts"

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }
const hangMs = 20_000

describe.skipIf(!(await softHsmAvailable()))("an HSM that fails", () => {
  let faulty: FaultyHsm
  beforeAll(async () => {
    faulty = await FaultyHsm.start()
  })
  afterAll(() => faulty.stop())

  async function open(settings: object = {}) {
    const { keystore, services } = await faulty.open(settings)
    const call = (timeoutMs = hangMs) => {
      const made = testCall({ timeoutMs })
      onTestFinished(() => made.dispose())
      return made
    }
    const key = keystore.defaultKey
    const sealed = await keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, call())
    const decrypt = (ciphertext = sealed.ciphertext, timeoutMs = hangMs) =>
      keystore.decrypt({ key, ciphertext, keyVersion: sealed.keyVersion, context }, call(timeoutMs))
    await faulty.faults.calls()
    return { keystore, services, sealed, decrypt }
  }

  const altered = (ciphertext: Uint8Array) =>
    Uint8Array.from(ciphertext, (byte, index) => (index === 20 ? byte ^ 1 : byte))

  it("is not blamed for an altered ciphertext, although the token answers with a general error", async () => {
    const { sealed, decrypt } = await open()
    for (let time = 0; time < 5; time += 1) {
      await expect(decrypt(altered(sealed.ciphertext))).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
    }
    await decrypt()
    const calls = await faulty.faults.calls()
    expect(calls.filter((name) => name === "C_Initialize" || name === "C_Login")).toEqual([])
  })

  it("is not blamed for a vendor-specific return value when a round trip shows that it works", async () => {
    const { decrypt } = await open()
    await faulty.faults.control({ function: "C_Decrypt", action: "return", number: 0x8000_0011 })
    await expect(decrypt()).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
    await decrypt()
    expect(await faulty.faults.calls()).not.toContain("C_Initialize")
  })

  it("is initialized again when a general error is its own fault", async () => {
    const { decrypt } = await open()
    // Once for the call, and once for the round trip that decides whose fault it is.
    await faulty.faults.control({ function: "C_Decrypt", action: "return", number: 5, times: 2 })
    await decrypt()
    expect(await faulty.faults.calls()).toContain("C_Initialize")
    await faulty.faults.control({ function: "C_Decrypt", action: "return", number: 5, times: -1 })
    await expect(decrypt()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await faulty.faults.control()
    await decrypt()
  })

  it.each([
    [1, { latencyWarnMs: 5000, latencyFailMs: 5001 }, "passed"],
    [46, { latencyFailMs: 5000 }, "warned"],
    [51, {}, "failed"],
  ])("takes %d ms for each operation, with limits %j: the connection test has %s", async (number, limits, outcome) => {
    const { keystore } = await open(limits)
    const slow = { action: "sleep", number, times: -1 } as const
    await faulty.faults.control({ function: "C_Encrypt", ...slow }, { function: "C_Decrypt", ...slow })
    const steps: ConnectionStep[] = []
    for await (const step of keystore.testConnection(testCall())) steps.push(step)
    await faulty.faults.control()
    expect(steps.at(-1)).toMatchObject({ name: "latency", outcome })
  })

  it("stalls one call: that call ends at its deadline, and the others succeed", async () => {
    const { decrypt } = await open({ sessions: 3 })
    await faulty.faults.control({ function: "C_Decrypt", action: "stall" })
    await expect(decrypt(undefined, 300)).rejects.toMatchObject({ code: "TIMED_OUT" })
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => decrypt()))
  })

  it("stalls every session: the process is replaced, and service continues", async () => {
    const { decrypt, services } = await open({ sessions: 2 })
    await faulty.faults.control({ function: "C_Decrypt", action: "stall", times: 2 })
    await Promise.all([1, 2].map(() => expect(decrypt(undefined, 300)).rejects.toMatchObject({ code: "TIMED_OUT" })))
    await faulty.faults.control()
    await decrypt()
    expect(services.logger.text()).toContain("stuck")
  })

  it("hangs in a call that blocks its process: the heartbeat has the process replaced", async () => {
    const { decrypt, services } = await open({ heartbeatMs: 100, silenceMs: 500 })
    await faulty.faults.control({ function: "C_DecryptInit", action: "stall" })
    await expect(decrypt()).rejects.toMatchObject({ code: "UNREACHABLE", origin: "plugin", retryable: true })
    await faulty.faults.control()
    await decrypt()
    expect(services.logger.text()).toContain("hangs")
  })

  it("crashes with its library: calls in flight fail, and the next one succeeds", async () => {
    const { decrypt } = await open()
    await faulty.faults.control({ function: "C_Decrypt", action: "crash" })
    await expect(decrypt()).rejects.toMatchObject({ code: "UNREACHABLE", origin: "plugin", retryable: true })
    await faulty.faults.control()
    await decrypt()
  })

  it("comes back after its restart, without a restart of the host", async () => {
    const { decrypt } = await open()
    await faulty.faults.control({ function: "C_DecryptInit", action: "return", number: 48, times: -1 })
    await expect(decrypt()).rejects.toMatchObject({ code: "UNREACHABLE" })
    await faulty.faults.control()
    await decrypt()
  })

  it.each([113, 7, 112])(
    "rejects our initialization vector (%d): the wrap falls back to AES key wrap, where the key permits it",
    async (number) => {
      const { keystore } = await faulty.open()
      const label = faulty.hsm.newLabel()
      const attributes = [262, 263].map((type) => ({ type, value: true })) // CKA_WRAP, CKA_UNWRAP
      faulty.hsm.admin.createKey("partition", label, attributes)
      await faulty.faults.control({ function: "C_EncryptInit", action: "return", number, times: -1 })
      const key = { keyId: label }
      const sealed = await keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
      expect(sealed.ciphertext[0]).toBe(3)
      const { plaintext } = await keystore.decrypt({ key, ...sealed, context }, testCall())
      expect(Buffer.from(plaintext).equals(new Uint8Array(32))).toBe(true)
      const strict = keystore.encrypt({ key: keystore.defaultKey, plaintext: new Uint8Array(32), context }, testCall())
      await expect(strict).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
    },
  )

  it("generates the initialization vector itself, as in FIPS mode: it is read from the ciphertext", async () => {
    const { keystore } = await faulty.open({}, {}, { FAULT_MODULE_OWN_VECTOR: "1" })
    const key = keystore.defaultKey
    for (const length of [1, 32, 4096]) {
      const plaintext = new Uint8Array(length).fill(7)
      const sealed = await keystore.encrypt({ key, plaintext, context }, testCall())
      expect(sealed.ciphertext[0]).toBe(2)
      const opened = await keystore.decrypt({ key, ...sealed, context }, testCall())
      expect(Buffer.from(opened.plaintext).equals(plaintext)).toBe(true)
      for (const at of [1, 2, sealed.ciphertext.length - 1]) {
        const spoiled = Uint8Array.from(sealed.ciphertext, (byte, index) => (index === at ? byte ^ 1 : byte))
        const refused = keystore.decrypt({ key, ...sealed, ciphertext: spoiled, context }, testCall())
        await expect(refused).rejects.toMatchObject({ code: "CIPHERTEXT_REJECTED" })
      }
    }
  })

  it("refuses a PIN once, and does not receive it again", async () => {
    const { keystore, services } = await faulty.open({}, { pin: "canary-wrong-pin" })
    await faulty.faults.calls()
    for (let time = 0; time < 3; time += 1) {
      await expect(keystore.probe(testCall())).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    }
    expect((await faulty.faults.calls()).filter((name) => name === "C_Login")).toHaveLength(1)
    expect(services.logger.text()).not.toContain("canary-wrong-pin")
  })
})
