import { testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { context, mount, OpenBao, type Opened, plaintext, roundTrip, stepsOf, storyPolicy } from "./open-bao.ts"

const available = await openBaoAvailable()

// All four look the same on the wire: a 403.
describe.skipIf(!available)("openbao: denied, bad token and missing key are told apart", () => {
  let bao: OpenBao
  beforeAll(async () => {
    bao = await OpenBao.start()
  })
  afterAll(async () => bao?.stop())

  const encrypt = ({ keystore }: Opened) =>
    keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, testCall())

  it("says DENIED when the policy does not name the key at all", async () => {
    const opened = await bao.open({ policy: storyPolicy("another-key") })
    await expect(encrypt(opened)).rejects.toMatchObject({
      code: "DENIED",
      origin: "backend",
      retryable: false,
      nextStep: expect.stringContaining("or mount_path / key_name is misspelt"),
    })
  })

  it("says DENIED when the policy is taken away from an open keystore, and works again when it is back", async () => {
    const opened = await bao.open()
    await roundTrip(opened.keystore)
    await bao.admin.writePolicy(opened.role, storyPolicy("another-key"))
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "DENIED" })
    await bao.admin.writePolicy(opened.role, storyPolicy(opened.key))
    await expect(roundTrip(opened.keystore)).resolves.toHaveLength(32)
  })

  it("says KEY_NOT_FOUND for a missing key under a policy with update only, where OpenBao says 403", async () => {
    const opened = await bao.open({ key: "missing-key", policy: storyPolicy("missing-key") })
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "KEY_NOT_FOUND", origin: "backend" })
  })

  it("says KEY_NOT_FOUND when the key is deleted under an open keystore with update only", async () => {
    const opened = await bao.open({ policy: storyPolicy("key-*") })
    await roundTrip(opened.keystore)
    await bao.admin.deleteTransitKey(mount, opened.key)
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "KEY_NOT_FOUND" })
  })

  it("never makes a missing key under a policy that would let it, checked as root", async () => {
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

  it("says CREDENTIAL_REJECTED for a token that is revoked", async () => {
    const key = await bao.createKey()
    await bao.admin.writePolicy("by-token", storyPolicy(key))
    const { token } = await bao.admin.createToken({ policies: ["by-token"] })
    const opened = await bao.openWithToken(token, { key })
    await roundTrip(opened.keystore)
    await bao.admin.revokeToken(token)
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED", origin: "backend" })
  })

  it("says DENIED, not CREDENTIAL_REJECTED, for a good token that may not even look itself up", async () => {
    const key = await bao.createKey()
    await bao.admin.writePolicy("blind", `path "${mount}/encrypt/${key}" { capabilities = ["update"] }`)
    const token = await bao.createBareToken("blind")
    const opened = await bao.openWithToken(token, { key })
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "DENIED" })
  })

  it("says CREDENTIAL_REJECTED for a wrong role id and for a method that is not mounted", async () => {
    const wrongRole = await bao.open({ configuration: { role_id: "no-such-role" } })
    await expect(encrypt(wrongRole)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    const wrongMount = await bao.open({ configuration: { auth_mount_path: "not-mounted" } })
    await expect(encrypt(wrongMount)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
  })

  it("says INVALID_REQUEST for a namespace that does not exist", async () => {
    const opened = await bao.open({ configuration: { namespace: "no-such-namespace" } })
    await expect(encrypt(opened)).rejects.toMatchObject({ code: "INVALID_REQUEST", origin: "backend" })
  })
})
