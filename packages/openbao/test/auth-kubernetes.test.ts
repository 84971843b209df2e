import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { testServices } from "@apeiro-cmk/plugin-sdk/testing"
import {
  type KubernetesServer,
  kubernetesAvailable,
  openBaoAvailable,
  startKubernetes,
} from "@apeiro-cmk/test-backends"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { OpenBao, roundTrip, stepsOf } from "./open-bao.ts"
import { tokenIssuer } from "./signed-tokens.ts"

const available = (await openBaoAvailable()) && (await kubernetesAvailable())

describe.skipIf(!available)("openbao: login with a Kubernetes service account (kubernetes)", () => {
  let bao: OpenBao
  let kubernetes: KubernetesServer
  let key: string
  let credentialDirectory: string
  beforeAll(async () => {
    ;[bao, kubernetes] = await Promise.all([OpenBao.start(), startKubernetes()])
    credentialDirectory = await mkdtemp(join(tmpdir(), "credentials-"))
    await mkdir(join(credentialDirectory, "acme"))
    key = await bao.createKeyAndPolicy()
    await kubernetes.createServiceAccount("cmk", "openkcm")
    await kubernetes.createServiceAccount("cmk", "somebody")
    await bao.admin.enableAuth("kubernetes")
    await bao.write("auth/kubernetes/config", {
      kubernetes_host: kubernetes.address,
      kubernetes_ca_cert: kubernetes.authority,
      token_reviewer_jwt: kubernetes.adminToken,
      disable_local_ca_jwt: true,
    })
    await bao.write("auth/kubernetes/role/openkcm", {
      bound_service_account_names: ["openkcm"],
      bound_service_account_namespaces: ["cmk"],
      audience: "openbao",
      token_policies: [key],
      token_ttl: "1h",
    })
  })
  afterAll(async () => {
    await bao?.stop()
    await kubernetes?.stop()
    await rm(credentialDirectory, { recursive: true, force: true })
  })

  const tokenFile = () => join(credentialDirectory, "acme", "service-account-token")
  async function open(token: string, fields: Readonly<Record<string, unknown>> = {}) {
    await writeFile(tokenFile(), token)
    const services = testServices({ credentialDirectory })
    const by = { auth_method: "kubernetes", role: "openkcm", jwt_path: "service-account-token", ...fields }
    return { keystore: await bao.openAs(key, by, services), services }
  }

  it("works with a service account's token, and passes every step of the connection test", async () => {
    const token = await kubernetes.serviceAccountToken("cmk", "openkcm", "openbao")
    const { keystore, services } = await open(token)
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
    const steps = [...(await stepsOf(keystore)).values()]
    expect(steps.map(({ outcome }) => outcome)).toEqual([...Array(6).fill("passed"), "skipped"])
    expect(services.auditEvents[0]).toMatchObject({ action: "keystoreLogin", facts: { method: "kubernetes" } })
    expect(services.logger.text()).not.toContain(token)
  })

  it("reads the token's file at each login, because Kubernetes replaces it", async () => {
    const { keystore } = await open("not-yet-a-token")
    await expect(roundTrip(keystore)).rejects.toMatchObject({ code: "CREDENTIAL_REJECTED" })
    await writeFile(tokenFile(), await kubernetes.serviceAccountToken("cmk", "openkcm", "openbao"))
    await expect(roundTrip(keystore)).resolves.toHaveLength(32)
  })

  it("throws CREDENTIAL_REJECTED for another service account, audience, role and cluster", async () => {
    const good = await kubernetes.serviceAccountToken("cmk", "openkcm", "openbao")
    const foreignClaims = {
      sub: "system:serviceaccount:cmk:openkcm",
      "kubernetes.io": { namespace: "cmk", serviceaccount: { name: "openkcm", uid: "1" } },
    }
    const wrong = [
      open(await kubernetes.serviceAccountToken("cmk", "somebody", "openbao")),
      open(await kubernetes.serviceAccountToken("cmk", "openkcm", "elsewhere")),
      open(tokenIssuer("https://kubernetes.default.svc").issue(foreignClaims)),
      open(good, { role: "no-such-role" }),
    ]
    for (const opening of wrong) {
      const { keystore, services } = await opening
      await expect(roundTrip(keystore)).rejects.toMatchObject({
        code: "CREDENTIAL_REJECTED",
        nextStep: expect.stringContaining("service account"),
      })
      expect(services.auditEvents).toMatchObject([{ outcome: "failure", facts: { method: "kubernetes" } }])
    }
  })

  it("states when a token expired", async () => {
    const { keystore } = await open(tokenIssuer("https://kubernetes.default.svc").issue({ exp: 1_600_000_000 }))
    await expect(roundTrip(keystore)).rejects.toMatchObject({
      code: "CREDENTIAL_REJECTED",
      message: expect.stringContaining("expired at 2020-09-13"),
    })
  })
})
