import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
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
    const isInitializedAgain = consequence === "re-initialize" || consequence === "prove"
    if (isInitializedAgain || consequence === "drop generation") {
      // The first time, a new login precedes the answer.
      await faulty.faults.control({ function: "C_Encrypt", action: "return", number: Number(number) })
      await encrypt()
    }
    await faulty.faults.control({ function: "C_Encrypt", action: "return", number: Number(number), times: 2 })
    await expect(encrypt()).rejects.toMatchObject({ code, message: expect.stringContaining(name) })
    await faulty.faults.control()
    await faulty.faults.calls()
    await encrypt()
    const calls = await faulty.faults.calls()
    expect(calls.includes("C_Initialize")).toBe(isInitializedAgain)
    expect(calls.includes("C_Login")).toBe(isInitializedAgain || consequence === "drop generation")
    expect(calls.includes("C_OpenSession")).toBe(consequence !== "keep")
  })

  it.each([
    ["C_OpenSession", 176, "answers"],
    ["C_OpenSession", 177, "THROTTLED"],
    ["C_OpenSession", 224, "answers"],
    ["C_FindObjectsInit", 179, "answers"],
    ["C_FindObjectsInit", 144, "answers"],
    ["C_FindObjects", 48, "answers"],
    ["C_GetAttributeValue", 179, "answers"],
    ["C_GetAttributeValue", 48, "answers"],
    ["C_GetAttributeValue", 5, "answers"],
    ["C_EncryptInit", 96, "answers"],
    ["C_EncryptInit", 257, "answers"],
    ["C_EncryptInit", 5, "answers"],
    ["C_DecryptInit", 130, "answers"],
    ["C_DecryptInit", 400, "answers"],
    ["C_DecryptInit", 145, "UNREACHABLE"],
    ["C_Decrypt", 64, "CIPHERTEXT_REJECTED"],
  ] as const)(
    "of %s has its consequence as well: after %i once, the first call with a key %s",
    async (name, number, outcome) => {
      const { keystore } = await faulty.open()
      await keystore.describeKey(keystore.defaultKey, testCall())
      // Another key that is not known yet, so that it has to be found.
      const key = { keyId: faulty.hsm.newLabel() }
      faulty.hsm.admin.createKey("partition", key.keyId)
      const roundTrip = async () => {
        const sealed = await keystore.encrypt({ key, plaintext: new Uint8Array(32), context }, testCall())
        expect(sealed.keyVersion).toMatch(/^1-[0-9a-f]{6}$/)
        return keystore.decrypt({ key, ...sealed, context }, testCall())
      }
      // Keeps the open session busy, so that another has to be opened.
      const busy = { function: "C_Encrypt", action: "sleep", number: 100, times: 1 } as const
      await faulty.faults.control(...(name === "C_OpenSession" ? [busy] : []), {
        function: name,
        action: "return",
        number,
      })
      const others = name === "C_OpenSession" ? keystore.probe(testCall()) : Promise.resolve()
      if (outcome === "answers") expect((await roundTrip()).plaintext).toHaveLength(32)
      else await expect(roundTrip()).rejects.toMatchObject({ code: outcome })
      await others
      await faulty.faults.control()
      expect((await roundTrip()).plaintext).toHaveLength(32)
    },
  )

  it.each([
    [
      "C_GenerateKey",
      48,
      (keystore: KeystoreV1, keyId: string) => keystore.createKey({ keyId, origin: "generate" }, testCall()),
    ],
    ["C_DestroyObject", 48, (keystore: KeystoreV1) => keystore.deleteKey(keystore.defaultKey, testCall())],
  ] as const)("of %s does not lead to a second try: the call changes something", async (name, number, change) => {
    const { keystore } = await faulty.open()
    await keystore.describeKey(keystore.defaultKey, testCall())
    const keyId = faulty.hsm.newLabel()
    await faulty.faults.control({ function: name, action: "return", number })
    await expect(change(keystore, keyId)).rejects.toMatchObject({ code: "UNREACHABLE" })
    await change(keystore, keyId)
  })

  it("that is specific to the vendor is a fault of the device", async () => {
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
