import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { context, mount, OpenBao, type Opened, plaintext, roundTrip, stepsOf, storyPolicy } from "./open-bao.ts"

const available = await openBaoAvailable()

// All four look the same in the answer: a 403.
describe.skipIf(!available)("openbao: tells a denial, an invalid token and a missing key apart", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  const encrypt = ({ keystore }: Opened) =>
    keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, testCall())

  it("throws DENIED when the policy does not name the key at all", async () => {
    const opened = await bao.open({ policy: storyPolicy("another-key") })
    await expect(encrypt(opened)).rejects.toMatchObject({
      code: "DENIED",
      origin: "backend",
      retryable: false,
      nextStep: expect.stringContaining("or correct mount_path and key_name if they are misspelt"),
    })
  })

  it("throws DENIED after the policy of an open keystore is removed, and works again once it is restored", async () => {
    const opened = await bao.open()
    await roundTrip(opened.keystore)
    await bao.admin.writePolicy(opened.role, storyPolicy("another-key"))
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "DENIED" })
    await bao.admin.writePolicy(opened.role, storyPolicy(opened.key))
    await expect(roundTrip(opened.keystore)).resolves.toHaveLength(32)
  })

  it("throws KEY_NOT_FOUND for a missing key under a policy with only update, where OpenBao answers 403", async () => {
    const opened = await bao.open({ key: "missing-key", policy: storyPolicy("missing-key") })
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "KEY_NOT_FOUND", origin: "backend" })
  })

  it("throws KEY_NOT_FOUND when the key of an open keystore with only update is deleted", async () => {
    const opened = await bao.open({ policy: storyPolicy("key-*") })
    await roundTrip(opened.keystore)
    await bao.admin.deleteTransitKey(mount, opened.key)
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
  })

  it("never creates a missing key under a policy that allows it, as root confirms", async () => {
    const key = "never-made"
    const policy = storyPolicy(key).replaceAll('["update"]', '["create", "update"]')
    const opened = await bao.open({ key, policy })
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
    await expect(opened.keystore.probe(testCall())).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
    const outcomes = await stepsOf(opened.keystore)
    expect([...outcomes.values()].map(({ name, outcome, code }) => [name, outcome, code])).toContainEqual([
      "key_access",
      "failed",
      "KEY_NOT_FOUND",
    ])
    expect(await bao.keyExists(key)).toBe(false)
  })

  it("throws CREDENTIAL_REJECTED for a revoked token", async () => {
    const key = await bao.createKey()
    await bao.admin.writePolicy("by-token", storyPolicy(key))
    const { token } = await bao.admin.createToken({ policies: ["by-token"] })
    const opened = await bao.openWithToken(token, { key })
    await roundTrip(opened.keystore)
    await bao.admin.revokeToken(token)
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED", origin: "backend" })
  })

  it("throws DENIED, not CREDENTIAL_REJECTED, for a valid token that may not even look itself up", async () => {
    const key = await bao.createKey()
    await bao.admin.writePolicy("blind", `path "${mount}/encrypt/${key}" { capabilities = ["update"] }`)
    const token = await bao.createBareToken("blind")
    const opened = await bao.openWithToken(token, { key })
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "DENIED" })
  })

  it("throws CREDENTIAL_REJECTED for a wrong role id and for an auth method that is not mounted", async () => {
    const wrongRole = await bao.open({ configuration: { role_id: "no-such-role" } })
    await expect(encrypt(wrongRole)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    const wrongMount = await bao.open({ configuration: { auth_mount_path: "not-mounted" } })
    await expect(encrypt(wrongMount)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
  })

  it("throws INVALID_REQUEST for a missing namespace", async () => {
    const opened = await bao.open({ configuration: { namespace: "no-such-namespace" } })
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "INVALID_REQUEST", origin: "backend" })
  })
})
