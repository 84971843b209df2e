import { openInProcess, testCall } from "@apeiro-cmk/plugin-sdk/testing"
import { expect, it, onTestFinished } from "vitest"
import { plugin } from "../src/index.ts"

const configuration = {
  dsm_endpoint: "https://sdkms.fortanix.com",
  app_uuid: "550e8400-e29b-41d4-a716-446655440000",
  group_id: "openkcm-key-group",
  key_name: "customer-master-key-acme-corp",
}

async function documents(more: object = {}) {
  const started = await openInProcess(plugin, { pluginConfiguration: { allowedEndpoints: ["https://*"] } })
  onTestFinished(() => started.stop())
  return started.setupMaterial({ ...configuration, ...more }, testCall())
}

it("asks for the needed permissions and no others, before there is a credential", async () => {
  const [bodies, steps] = await documents()
  expect(JSON.parse(bodies?.text ?? "")).toEqual({
    group: { name: "openkcm-key-group", cryptographic_policy: { aes: { key_sizes: [256], cipher_modes: ["GCM"] } } },
    app: {
      name: "openkcm-crypto-service",
      authentication: "Secret",
      groups: { "openkcm-key-group": ["ENCRYPT", "DECRYPT"] },
    },
    key: {
      ...{ name: "customer-master-key-acme-corp", obj_type: "AES", key_size: 256 },
      key_ops: ["ENCRYPT", "DECRYPT", "APPMANAGEABLE"],
      aes: { cipher_mode: "GCM", tag_length: 128 },
    },
  })
  expect(steps?.text).toContain("EXPORT_KEY is left out")
  expect(steps?.text).toContain("DERIVE_KEY is left out")
})

it("depends on the authentication method and the mode", async () => {
  const [bodies, steps] = await documents({ auth_method: "client_certificate", wrap_mode: "KWP" })
  expect(JSON.parse(bodies?.text ?? "")).toMatchObject({
    app: { authentication: "Certificate" },
    key: { aes: { cipher_mode: "KWP" } },
  })
  expect(steps?.text).toContain("client_certificate")
})
