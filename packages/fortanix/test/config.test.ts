import { parseConfiguration } from "@apeiro-cmk/plugin-sdk"
import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { describe, expect, it, onTestFinished } from "vitest"
import { keystoreConfiguration, pluginConfiguration } from "../src/config.ts"
import { Dsm } from "./dsm.ts"

/** Story 2, step 2, word for word. */
const story = {
  dsm_endpoint: "https://sdkms.fortanix.com",
  app_uuid: "550e8400-e29b-41d4-a716-446655440000",
  api_key: "fortanix_api_key_encrypted_blob",
  group_id: "openkcm-key-group",
  key_name: "customer-master-key-acme-corp",
}
const { api_key: _, ...withoutKey } = story

function issuesOf(configuration: unknown): readonly string[] {
  const parsed = parseConfiguration(keystoreConfiguration, configuration)
  return parsed.ok ? [] : parsed.issues.map(({ path, message }) => `${path.join(".")} ${message}`)
}

describe("the configuration of a DSM keystore", () => {
  it("is the story's, with AES-GCM and an API key by default", () => {
    const parsed = parseConfiguration(keystoreConfiguration, story)
    expect(parsed).toMatchObject({ ok: true, value: { auth_method: "api_key", wrap_mode: "GCM" } })
    expect(JSON.stringify(parsed)).not.toContain(story.api_key)
  })

  it.each<[string, object, RegExp]>([
    ["an unknown field", { ...story, api_secret: "x" }, /api_secret/],
    ["no app", { ...story, app_uuid: "openkcm-crypto-service" }, /app_uuid must be the app's id/],
    ["no API key", withoutKey, /api_key is needed by auth_method api_key/],
    ["two API keys", { ...story, api_key_path: "key" }, /api_key_path must be left out/],
    ["a token with an API key", { ...story, jwt: "a.b.c" }, /jwt belongs to auth_method signed_jwt only/],
    [
      "a certificate login without one",
      { ...withoutKey, auth_method: "client_certificate" },
      /client_certificate is needed/,
    ],
    [
      "a certificate without its key",
      { ...story, client_certificate_path: "c" },
      /client_certificate_path is of no use/,
    ],
    ["a name with a line break", { ...story, key_name: "a\nb" }, /key_name must be one line/],
    ["an empty group", { ...story, group_id: "" }, /group_id/],
    ["a path in the endpoint", { ...story, dsm_endpoint: "https://dsm.test/sys?x=1" }, /dsm_endpoint/],
    ["an unknown mode", { ...story, wrap_mode: "CBC" }, /wrap_mode/],
  ])("is refused with %s", (_what, configuration, message) => {
    expect(issuesOf(configuration).join("\n")).toMatch(message)
  })

  it("is refused with an address that the operator does not allow", async () => {
    const dsm = await Dsm.start()
    onTestFinished(() => dsm.stop())
    const plugin = await dsm.plugin(testServices())
    const opened = plugin.openKeystore(story, testCall())
    await expect(opened).rejects.toMatchObject({ code: "INVALID_REQUEST", issues: [{ path: ["dsm_endpoint"] }] })
  })
})

it("refuses to allow every host behind a proxy, which resolves names itself", () => {
  const settings = { allowedEndpoints: ["https://*"], proxy: "http://proxy.test:3128" }
  expect(parseConfiguration(pluginConfiguration, settings)).toMatchObject({ ok: false })
})
