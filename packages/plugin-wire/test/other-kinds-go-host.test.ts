import { fileURLToPath } from "node:url"
import { goHostAvailable, startGoHost } from "@apeiro-cmk/test-backends"
import { describe, expect, it, onTestFinished } from "vitest"

const available = await goHostAvailable()
const toys = fileURLToPath(new URL("serve-others.ts", import.meta.url))

async function load(type: string, kind: string, flavour = "whole", yamlConfiguration = "") {
  const host = await startGoHost([
    { name: "TOY", type, path: process.execPath, args: [toys, kind, flavour], yamlConfiguration },
  ])
  onTestFinished(() => host.kill())
  expect(host.loaded).toMatchObject({ event: "loaded" })
  return host
}

describe.skipIf(!available)("a plugin of another type under the upstream Go host", () => {
  it.each(["IdentityManagementService", "IdentityManagement"])("describes users and groups, as %s", async (type) => {
    const host = await load(type, "identity")
    const authContext = { data: { issuer: "https://issuer" } }
    expect((await host.call("GetUser", { userId: "u", authContext })).response).toEqual({
      user: { id: "u", name: "Name", email: "https://issuer" },
    })
    expect(await host.call("GetUser", { userId: "none" })).toMatchObject({ code: "NOT_FOUND" })
    expect(await host.call("GetUser", { userId: "down" })).toMatchObject({
      code: "UNAVAILABLE",
      message: "The toy's server is down.",
      details: [{ reason: "UNREACHABLE", metadata: { nextStep: "Start it." } }],
    })
    expect((await host.call("GetGroup", { groupName: "g" })).response).toEqual({ group: { id: "1", name: "g" } })
    expect(await host.call("GetGroup", { groupName: "none" })).toMatchObject({ code: "NOT_FOUND" })
    expect((await host.call("GetAllGroups")).response).toEqual({ groups: [{ id: "1", name: "first" }] })
    expect((await host.call("GetUsersForGroup", { groupId: "g" })).response).toMatchObject({ users: [{ id: "g" }] })
    expect((await host.call("GetGroupsForUser", { userId: "u" })).response).toMatchObject({ groups: [{ id: "u" }] })
    expect(await host.close()).toMatchObject({ ok: true, plugins: [{ exit: "self" }] })
  })

  it.each(["CertificateIssuerService", "CertificateIssuer"])("issues certificates, as %s", async (type) => {
    const host = await load(type, "certificate-issuer")
    const request = { commonName: "name", locality: ["eu", "de"], privateKey: { data: "AAAA" } }
    const validity = { value: 2, type: "VALIDITY_TYPE_MONTHS" }
    expect((await host.call("GetCertificate", { ...request, validity })).response).toEqual({
      certificateChain: "name eu de 60 3",
    })
    const refused = (more: object) => host.call("GetCertificate", { ...request, validity, ...more })
    expect(await refused({ commonName: "" })).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "The common name must have 1 to 64 characters.",
    })
    expect(await refused({ commonName: "n".repeat(65) })).toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(await refused({ validity: {} })).toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(await refused({ privateKey: {} })).toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(await refused({ commonName: "empty" })).toMatchObject({ code: "UNKNOWN" })
    expect(await host.close()).toMatchObject({ ok: true })
  })

  it.each(["SystemInformationService", "SystemInformation"])("describes systems, as %s", async (type) => {
    const host = await load(type, "system-information")
    expect((await host.call("Get", { id: "system", type: "kyma" })).response).toEqual({
      metadata: { id: "system", type: "kyma" },
    })
    expect(await host.call("Get", { id: "none", type: "kyma" })).toMatchObject({ ok: true, response: {} })
    expect(await host.call("Get", { id: "ab", type: "kyma" })).toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(await host.close()).toMatchObject({ ok: true })
  })

  it.each(["NotificationService", "Notification"])("sends messages to people, as %s", async (type) => {
    const host = await load(type, "notification")
    const message = { notificationType: "NOTIFICATION_TYPE_EMAIL", subject: "subject", body: "<p>body</p>" }
    const send = (more: object) => host.call("SendNotification", { ...message, ...more })
    expect(await send({ recipients: ["a@b", "UNKNOWN", "a@b", "c@d"] })).toMatchObject({ response: { success: true } })
    expect(await send({ recipients: ["UNKNOWN", ""] })).toMatchObject({ response: { success: true } })
    expect(await send({ recipients: ["a@b"], subject: "down" })).toMatchObject({ code: "UNAVAILABLE" })
    expect(await send({ recipients: ["a@b"], notificationType: 9 })).toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(await host.close()).toMatchObject({ ok: true })
    const sent = host.log().filter((line) => line.includes('"sent"'))
    expect(sent).toHaveLength(1)
    expect(sent[0]).toContain("a@b c@d")
  })

  it("creates keystores, and grants and removes trust", async () => {
    const regions = JSON.stringify({ regions: [{ name: "Europe", technicalName: "eu" }] })
    const host = await load("KeystoreProvider", "keystore", "whole", `supportedregions: { value: '${regions}' }`)
    expect((await host.call("CreateKeystore")).response).toEqual({
      roleManagementConfig: { commonName: "roles", accessData: { values: {} } },
      keyManagementConfig: { localityId: "eu", commonName: "keys", accessData: { values: { path: "a/1" } } },
      supportedRegions: [{ name: "Europe", technicalName: "eu" }],
    })
    const config = { values: { path: "a/1" } }
    expect(await host.call("DeleteKeystore", { config })).toMatchObject({ ok: true })
    expect(await host.call("DeleteKeystore", {})).toMatchObject({ code: "FAILED_PRECONDITION" })
    const trust = { config, subject: "subject", region: "eu", type: "TRUST_TYPE_CRYPTO" }
    const { response } = await host.call("GrantTrust", trust)
    expect(response).toEqual({ accessData: { granted: "crypto subject eu" } })
    expect(await host.call("RemoveTrust", { config, ...response })).toMatchObject({ ok: true })
    expect(await host.call("GrantTrust", { ...trust, subject: "" })).toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(await host.call("GrantTrust", { ...trust, type: 0 })).toMatchObject({ code: "INVALID_ARGUMENT" })
    expect(await host.close()).toMatchObject({ ok: true })
  })

  it("refuses a keystore whose certificate would have no name", async () => {
    const host = await load("KeystoreProvider", "keystore", "nameless")
    expect(await host.call("CreateKeystore")).toMatchObject({
      code: "UNKNOWN",
      message: "The plugin returned an empty common name.",
    })
    expect(await host.close()).toMatchObject({ ok: true })
  })

  it("refuses regions that it cannot parse", async () => {
    const host = await load("KeystoreProvider", "keystore", "whole", "supportedregions: { value: 'eu, us' }")
    expect(await host.call("CreateKeystore")).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("supportedregions"),
    })
    expect(await host.close()).toMatchObject({ ok: true })
  })

  it.each([
    ["KeystoreProvider", "keystore", "CreateKeystore", {}],
    ["IdentityManagementService", "identity", "GetAllGroups", {}],
    [
      "CertificateIssuerService",
      "certificate-issuer",
      "GetCertificate",
      { commonName: "n", validity: { value: 1, type: "VALIDITY_TYPE_DAYS" }, privateKey: { data: "AAAA" } },
    ],
    ["SystemInformationService", "system-information", "Get", { id: "abc", type: "abc" }],
    ["NotificationService", "notification", "SendNotification", { recipients: ["a@b"] }],
  ])("says that it has nothing for that host: %s", async (type, kind, method, request) => {
    const host = await load(type, kind, "bare")
    expect(await host.call(method, request)).toMatchObject({
      code: "UNIMPLEMENTED",
      message: "This plugin has nothing for the upstream host.",
    })
    expect(await host.call("$health")).toMatchObject({ ok: true })
    expect(await host.close()).toMatchObject({ ok: true })
  })

  it("does not serve another type", async () => {
    const host = await startGoHost([
      { name: "TOY", type: "NotificationService", path: process.execPath, args: [toys, "identity"] },
    ])
    expect(host.loaded).toMatchObject({ event: "load_failed" })
    await host.kill()
  })
})
