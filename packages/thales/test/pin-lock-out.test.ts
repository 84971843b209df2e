import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { softHsmAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { FaultyHsm } from "./faulty-hsm.ts"

const finalTry = 0x2_0000
const locked = 0x4_0000
const fewLeft = 0x1_0000
const wrongPin = "canary-wrong-pin"
const rejected = { code: "CREDENTIAL_REJECTED" }

describe.skipIf(!(await softHsmAvailable()))("a partition that counts attempts", () => {
  let faulty: FaultyHsm
  let serials: readonly string[]
  beforeAll(async () => {
    faulty = await FaultyHsm.start()
    serials = faulty.hsm.admin.serialNumbers("partition")
    faulty.hsm.admin.createKey("partition", "first")
    faulty.hsm.admin.createKey("partition", "second")
  })
  afterAll(() => faulty.stop())

  async function start() {
    const { started } = await faulty.startPlugin()
    await faulty.faults.calls()
    return async (more: object = {}, tenantId = "acme") => {
      const configuration = { ...faulty.hsm.configuration("partition", "first"), ...more }
      const keystore = await started.openKeystore(configuration, testCall({ tenantId }))
      return { keystore, probe: () => keystore.probe(testCall({ tenantId })) }
    }
  }

  const logins = async () => (await faulty.faults.calls()).filter((name) => name === "C_Login").length

  it("receives a wrong PIN once, however many spellings, keystores and tenants name it", async () => {
    const open = await start()
    const spellings = [
      [{}],
      [{ serial_numbers: serials }],
      [{ slot_id: 3 }],
      [{ hsm_ip_addresses: ["127.0.0.2"] }],
      [{ module: "other" }],
      [{ key_label: "second" }],
      [{}, "globex"],
      [{ serial_numbers: serials, module: "other" }, "globex"],
    ] as const
    for (const [more, tenantId] of spellings) {
      const { probe, keystore } = await open({ ...more, pin: wrongPin }, tenantId)
      await expect(probe()).rejects.toMatchObject(rejected)
      await expect(probe()).rejects.toMatchObject(rejected)
      await keystore.close()
    }
    expect(await logins()).toBe(1)
    await (await open()).probe()
  })

  it("receives a wrong PIN once when many keystores begin at the same moment", async () => {
    const open = await start()
    const opened = await Promise.all(
      ["a", "b", "c", "d"].map((tenantId) => open({ pin: wrongPin, serial_numbers: serials }, tenantId)),
    )
    const outcomes = await Promise.allSettled(opened.map(({ probe }) => probe()))
    expect(outcomes).toMatchObject(opened.map(() => ({ status: "rejected", reason: rejected })))
    expect(await logins()).toBe(1)
  })

  it("receives a PIN that was changed in the HSM once, when all processes have to log in again", async () => {
    const open = await start()
    const opened = [await open(), await open({ slot_id: 3 }), await open({}, "globex")]
    for (const { probe } of opened) await probe()
    expect(await logins()).toBe(3)
    await faulty.faults.control(
      { function: "C_EncryptInit", action: "return", number: 257, times: -1 },
      { function: "C_Login", action: "return", number: 160, times: -1 },
    )
    for (const { probe } of [...opened, ...opened]) await expect(probe()).rejects.toMatchObject(rejected)
    expect(await logins()).toBe(1)
  })

  it.each([
    ["has its last attempt left", finalTry],
    ["is locked", locked],
    ["is locked and says everything", finalTry | locked | fewLeft],
  ])("is not asked to log in while it %s, and serves again when that is over", async (_state, number) => {
    const open = await start()
    const { probe } = await open()
    await faulty.faults.control({ function: "C_GetTokenInfo", action: "flags", number, times: -1 })
    for (let time = 0; time < 3; time += 1) await expect(probe()).rejects.toMatchObject(rejected)
    expect(await logins()).toBe(0)
    await faulty.faults.control()
    await probe()
  })

  it("is asked when few attempts are left but one", async () => {
    const { probe } = await (await start())()
    await faulty.faults.control({ function: "C_GetTokenInfo", action: "flags", number: fewLeft, times: -1 })
    await probe()
  })

  it.each([
    ["CKR_PIN_INCORRECT", 160],
    ["CKR_PIN_INVALID", 161],
    ["CKR_PIN_LEN_RANGE", 162],
    ["CKR_PIN_EXPIRED", 163],
    ["CKR_PIN_LOCKED", 164],
  ])("does not receive the PIN again after %s", async (name, number) => {
    const open = await start()
    await faulty.faults.control({ function: "C_Login", action: "return", number, times: -1 })
    const { probe } = await open()
    await expect(probe()).rejects.toMatchObject({ ...rejected, message: expect.stringContaining(name) })
    await expect(probe()).rejects.toMatchObject(rejected)
    await expect((await open({ slot_id: 3 })).probe()).rejects.toMatchObject(rejected)
    expect(await logins()).toBe(1)
  })

  it.each([5, 6, 48, 0x8000_0011])("receives a PIN once in each call after an unclear failure (%d)", async (number) => {
    const open = await start()
    await faulty.faults.control({ function: "C_Login", action: "return", number, times: -1 })
    const { probe } = await open()
    await expect(probe()).rejects.toMatchObject({ code: "UNREACHABLE" })
    expect(await logins()).toBe(1)
  })

  it.each(["canary-pin-1234\n", "canary-pin-1234\r\n", "canary\tpin", "\u007f"])(
    "never receives a PIN with a line end or another control character: %j",
    async (pin) => {
      const open = await start()
      await expect(open({ pin })).rejects.toMatchObject({ code: "INVALID_REQUEST", issues: [{ path: ["pin"] }] })
      // One that was stored before that was checked.
      const stored = { version: "1", read: async () => Buffer.from(pin) }
      await expect((await open({ pin: stored })).probe()).rejects.toMatchObject({ code: "INVALID_REQUEST" })
      expect(await logins()).toBe(0)
    },
  )
})
