import assert from "node:assert/strict"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { KeystoreConfigurationInput } from "@apeiro-cmk/plugin-interface"
import { secretFields } from "@apeiro-cmk/plugin-sdk"
import { expectRejection } from "../../cases/expectations.ts"
import { context, type KeystoreCase, type KeystoreCaseContext, plaintext } from "./case-context.ts"
import type { KeystoreContractOptions } from "./options.ts"

type Definition = KeystoreContractOptions["plugin"]

/** Tells whether a plugin sends secrets to servers that its tenants enter, and takes some of them from files. */
export function takesSecretsFromFiles({ plugin, network }: KeystoreContractOptions): boolean {
  return network === "tcp" && secretsThatMayBeInFiles(plugin).length > 0
}

export const fileSecretCases: readonly KeystoreCase[] = [
  {
    name: "sends a secret out of a file to no server but those that the operator's rule names",
    async run(opened) {
      const { proxied, instance } = opened
      await instance.close()
      const inFiles = await withSecretsInFiles(opened)
      if (inFiles === undefined) return opened.notProven("credentialDirectory, or a secret that can be in a file")
      await inFiles.allow("https://elsewhere.example")
      const before = proxied.acceptedSockets
      const refused = await expectRejection(useOf(opened, inFiles.configuration), "INVALID_REQUEST")
      assert.match(refused.message, /may not be sent to/)
      assert.equal(proxied.acceptedSockets, before, "the plugin asked a server that may not get the secret")
      await inFiles.allow(["http://127.0.0.1:*", "https://127.0.0.1:*", "https://localhost:*"].join("\n"))
      await useOf(opened, inFiles.configuration)
    },
  },
]

/** Puts each secret that may also be in a file into one. @returns undefined where there is none */
async function withSecretsInFiles({ configuration, credentialDirectory, definition, call }: KeystoreCaseContext) {
  const given: Readonly<Record<string, unknown>> = { ...configuration }
  const fields = secretsThatMayBeInFiles(definition).filter((field) => typeof given[field] === "string")
  if (credentialDirectory === undefined || fields.length === 0) return undefined
  const folder = join(credentialDirectory, call().tenantId)
  await mkdir(folder, { recursive: true })
  const allow = (origins: string) => writeFile(join(folder, "allowed-origins"), origins)
  for (const field of fields) await writeFile(join(folder, field), String(given[field]))
  const others = Object.entries(configuration).filter(([name]) => !fields.includes(name))
  const paths = fields.map((field) => [pathField(field), field] as const)
  return { configuration: Object.fromEntries([...others, ...paths]), allow }
}

async function useOf({ plugin, call }: KeystoreCaseContext, configuration: KeystoreConfigurationInput): Promise<void> {
  const keystore = await plugin.openKeystore(configuration, call())
  try {
    await keystore.encrypt({ key: keystore.defaultKey, plaintext, context }, call())
  } finally {
    await keystore.close()
  }
}

function secretsThatMayBeInFiles({ manifest }: Definition): readonly string[] {
  const { properties = {} } = manifest.keystoreConfigurationSchema
  return secretFields(manifest.keystoreConfigurationSchema).filter((field) => pathField(field) in Object(properties))
}

function pathField(secretField: string): string {
  return `${secretField}_path`
}
