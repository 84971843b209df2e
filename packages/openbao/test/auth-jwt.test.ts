import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { openBaoAvailable } from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBao, roundTrip, stepsOf } from "./open-bao.ts"
import { tokenIssuer } from "./signed-tokens.ts"

const available = await openBaoAvailable()

describe.skipIf(!available)("openbao: login with a signed token (jwt)", () => {
  const issuer = tokenIssuer()
  const subject = { sub: "workload-of-acme" }
  let bao: OpenBao
  let key: string
  let credentialDirectory: string
  beforeAll(async () => {
    bao = await OpenBao.start()
    credentialDirectory = await mkdtemp(join(tmpdir(), "credentials-"))
    await mkdir(join(credentialDirectory, "acme"))
    key = await bao.createKeyAndPolicy()
    await bao.admin.enableAuth("jwt", "workloads")
    await bao.write("auth/workloads/config", {
      jwt_validation_pubkeys: [issuer.publicKey],
      bound_issuer: issuer.name,
    })
    await bao.write("auth/workloads/role/openkcm", {
      role_type: "jwt",
      bound_audiences: ["openbao"],
      bound_subject: subject.sub,
      user_claim: "sub",
      token_policies: [key],
      token_ttl: "1h",
    })
  })
  afterAll(async () => {
    await bao?.stop()
    await rm(credentialDirectory, { recursive: true, force: true })
  })

  const by = (fields: Readonly<Record<string, unknown>>) => ({
    auth_method: "jwt",
    auth_mount_path: "workloads",
    role: "openkcm",
    ...fields,
  })

  it("works with a stored token, and passes every step of the connection test", async () => {
    const services = testServices()
    const keystore = await bao.openAs(key, by({ jwt: issuer.issue(subject) }), services)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    const steps = [...(await stepsOf(keystore)).values()]
    expect(steps.map(({ outcome }) => outcome)).toEqual([...Array(6).fill("passed"), "skipped"])
    expect(steps[0]).toMatchObject({ facts: { auth_status: "authenticated" } })
    expect(services.auditEvents[0]).toMatchObject({ action: "keystoreLogin", facts: { method: "jwt" } })
  })

  it.each([
    ["of another issuer", tokenIssuer().issue(subject)],
    ["of another subject", issuer.issue({ sub: "somebody" })],
    ["for another audience", issuer.issue({ ...subject, aud: ["elsewhere"] })],
    ["that is malformed", "canary-of-no-token"],
  ])("throws CREDENTIAL_REJECTED for a token %s", async (_, jwt) => {
    const services = testServices()
    const keystore = await bao.openAs(key, by({ jwt }), services)
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED", origin: "backend" })
    expect(services.logger.text()).not.toContain(jwt)
  })

  it("states when a token expired", async () => {
    const keystore = await bao.openAs(key, by({ jwt: issuer.issue({ ...subject, exp: 1_600_000_000 }) }))
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
      message: expect.stringContaining("expired at 2020-09-13"),
    })
  })

  it("throws CREDENTIAL_REJECTED for a missing role and a missing mount", async () => {
    for (const wrong of [{ role: "no-such-role" }, { auth_mount_path: "no-such-mount" }]) {
      const keystore = await bao.openAs(key, by({ jwt: issuer.issue(subject), ...wrong }))
      await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    }
  })

  it("reads the token's file at each login, so that it uses a rotated token", async () => {
    const file = join(credentialDirectory, "acme", "token.jwt")
    await writeFile(file, issuer.issue({ ...subject, exp: 1_600_000_000 }))
    const keystore = await bao.openAs(key, by({ jwt_path: "token.jwt" }), testServices({ credentialDirectory }))
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await writeFile(file, `${issuer.issue(subject)}\n`)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
  })
})
