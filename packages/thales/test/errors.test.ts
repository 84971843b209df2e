import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { softHsmAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { returnValues } from "../src/errors.ts"
import { FaultyHsm } from "./faulty-hsm.ts"

const context = { tenantId: "acme", keyId: "key", keyVersion: 1 }

describe.skipIf(!(await softHsmAvailable()))("a return value of the token", () => {
  let faulty: FaultyHsm
  beforeAll(async () => {
    faulty = await FaultyHsm.start()
  })
  afterAll(() => faulty.stop())

  async function open() {
    const { keystore } = await faulty.open()
    const request = { key: keystore.defaultKey, plaintext: new Uint8Array(32), context }
    const encrypt = () => keystore.encrypt(request, testCall())
    await encrypt()
    await faulty.faults.calls()
    return encrypt
  }

  it.each(Object.entries(returnValues))("%s has its consequence", async (number, { consequence, code, name }) => {
    const encrypt = await open()
    const isStartedAnew = consequence === "re-initialize" || consequence === "prove"
    if (isStartedAnew || consequence === "drop generation") {
      // Once, a new login goes before the answer.
      await faulty.faults.control({ function: "C_Encrypt", action: "return", number: Number(number) })
      await encrypt()
    }
    await faulty.faults.control({ function: "C_Encrypt", action: "return", number: Number(number), times: 2 })
    await expect(encrypt()).rejects.toMatchObject({ code, message: expect.stringContaining(name) })
    await faulty.faults.control()
    await faulty.faults.calls()
    await encrypt()
    const calls = await faulty.faults.calls()
    expect(calls.includes("C_Initialize")).toBe(isStartedAnew)
    expect(calls.includes("C_Login")).toBe(isStartedAnew || consequence === "drop generation")
    expect(calls.includes("C_OpenSession")).toBe(consequence !== "keep")
  })

  it("that is the vendor's own is a fault of the device", async () => {
    const encrypt = await open()
    await faulty.faults.control({ function: "C_Encrypt", action: "return", number: 0x8000_0011, times: 2 })
    await expect(encrypt()).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringContaining("0x80000011"),
    })
    await faulty.faults.control()
    await encrypt()
  })
})
