import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { context, mount, OpenBao, plaintext, stepsOf } from "./open-bao.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: keys that it refuses or warns about, each with its reason (REQ-009)", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  async function keyWith(settings: Readonly<Record<string, unknown>>): Promise<string> {
    const key = bao.newName("key")
    await bao.admin.send({ method: "POST", path: `${mount}/keys/${key}`, body: { type: "aes256-gcm96", ...settings } })
    return key
  }

  it.each([
    [{ exportable: true }, "exportable"],
    [{ allow_plaintext_backup: true }, "plaintext backups"],
    [{ derived: true }, "derived"],
    [{ derived: true, convergent_encryption: true }, "convergent"],
    [{ type: "rsa-4096" }, "type cannot bind"],
    [{ type: "hmac", key_size: 32 }, "type cannot bind"],
  ])("refuses %j in the connection test and in use, and describeKey states the reason", async (settings, word) => {
    const { keystore } = await bao.open({ key: await keyWith(settings) })
    const step = (await stepsOf(keystore)).get("key_access")
    expect(step).toMatchObject({ outcome: "failed", code: "KEY_UNSUITABLE", message: expect.stringContaining(word) })
    const key = keystore.defaultKey
    const encrypting = keystore.encrypt({ key, plaintext, context }, testCall())
    await expect(encrypting).rejects.toMatchObject({ code: "KEY_UNSUITABLE" })
    const { warnings } = await keystore.describeKey(key, testCall())
    expect(warnings.join(" ")).toContain(word)
  })

  it("warns about deletion_allowed", async () => {
    const key = await keyWith({})
    await bao.admin.configureTransitKey(mount, key, { deletion_allowed: true })
    const { keystore } = await bao.open({ key })
    const step = (await stepsOf(keystore)).get("key_access")
    expect(step).toMatchObject({ outcome: "warned", message: expect.stringContaining("deletion_allowed") })
  })

  it("reports auto_rotate_period as a fact, without a warning", async () => {
    const { keystore } = await bao.open({ key: await keyWith({ auto_rotate_period: "24h" }) })
    expect((await stepsOf(keystore)).get("key_access")).toMatchObject({
      outcome: "passed",
      message: expect.stringContaining("every 86400 s"),
      facts: { auto_rotate_period: 86_400 },
    })
  })
})
