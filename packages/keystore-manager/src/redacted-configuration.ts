import { secretFields } from "@apeiro-cmk/plugin-sdk"
import type { JsonObject } from "./document.ts"
import type { RunningKeystorePlugin } from "./ports.ts"
import type { KeystoreRecord } from "./records.ts"

/**
 * Makes the configuration that the API shows: fields as entered, and for each secret only that it is set, and its version
 * (`{"set": true, "version": 3}`). Sent back like this in a change, a secret keeps its stored version.
 *
 * @param plugin - its plugin, where it is loaded: fields that it declares secret are left out in any case
 */
export function redactedConfiguration(
  record: Pick<KeystoreRecord, "configuration" | "credentials">,
  plugin?: RunningKeystorePlugin,
): JsonObject {
  const hidden = plugin === undefined ? [] : secretFields(plugin.definition.manifest.keystoreConfigurationSchema)
  const shown = Object.entries(record.configuration).filter(([name]) => !hidden.includes(name))
  const secrets = record.credentials.map(({ name, version }) => [name, { set: true, version }] as const)
  return Object.fromEntries([...shown, ...secrets])
}
