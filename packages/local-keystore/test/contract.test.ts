import { testCall, testServices } from "@apeiro-cmk/plugin-sdk/testing"
import { keystoreContract, type OpenedKeystore, type OpenRequest } from "@apeiro-cmk/test-contracts"
import { describe, it } from "vitest"
import { plugin } from "../src/index.ts"
import { KeyFolder } from "./key-file-fixture.ts"

keystoreContract({ describe, it }, { plugin, network: "none", open })

async function open({ tenantId }: OpenRequest): Promise<OpenedKeystore> {
  const files = await KeyFolder.make()
  const services = testServices()
  const started = await files.start(["default", "spare"], services)
  const configuration = { key_name: "default" }
  const materials = Object.values(await files.keys()).flatMap(({ versions }) => versions)
  return {
    plugin: started,
    configuration,
    instance: await started.openKeystore(configuration, testCall({ tenantId })),
    canaries: materials.map(({ material }) => Buffer.from(material, "base64")),
    logs: () => services.logger.text(),
    backend: {
      keyExists: async (keyId) => keyId in (await files.keys()),
      createKey: async () => ({ keyId: "spare" }),
      unusedKeyId: () => "no-such-key",
      keyState: async (keyId) => ((await files.keys())[keyId]?.enabled ? "ENABLED" : "DISABLED"),
      decrypt: ({ keyId }, ciphertext, context) => files.decrypt(keyId, ciphertext, context),
    },
    close: () => files[Symbol.asyncDispose](),
  }
}
