import { randomUUID } from "node:crypto"
import { KeystorePlugins, loadCatalog, loadProfile, startPlugins } from "@apeiro-cmk/host-runtime"
import { keystoreDocument } from "@apeiro-cmk/http-api/schemas"
import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { callOptions, parseConfiguration } from "@apeiro-cmk/plugin-sdk"
import { createPluginServices, systemClock } from "@apeiro-cmk/plugin-sdk/services"
import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"
import { readJson } from "./files.ts"
import { silentLogger } from "./silent-logger.ts"

/** Longest time for one call to the keystore, in milliseconds. */
export const keystoreTimeoutMs = 30_000

/** Files that say which keystore to open. */
export interface KeystoreFiles {
  /** The keystore's document, secrets included. */
  readonly keystore: string
  /** Profile that names the keystore's plugin. */
  readonly profile: string
}

/** Opens the keystore during the work, with the plugin that the profile names. */
export async function withKeystore<T>(
  options: KeystoreFiles,
  tenantId: string,
  work: (keystore: KeystoreV1) => Promise<T>,
): Promise<T> {
  const parsed = parseConfiguration(keystoreDocument, await readJson(options.keystore))
  if (!parsed.ok) {
    const faults = parsed.issues.map((issue) => `\n  ${issue.path.join(".") || "document"}: ${issue.message}`)
    const message = `${options.keystore} does not describe a keystore.${[...new Set(faults)].join("")}`
    throw new CliError(exitCodes.usage, message, "Write it as for `keystore add`.")
  }
  const { plugin_type: pluginType, configuration } = parsed.value
  const profile = await loadProfile(options.profile, { environment: process.env })
  const makeServices = () =>
    createPluginServices({
      logger: silentLogger,
      audit: { record: async () => {} },
      credentialDirectory: profile.credentialDirectory,
    })
  const catalog = await loadCatalog(profile, { makeServices, clock: systemClock })
  const plugins = await startPlugins(catalog, { clock: systemClock, logger: silentLogger })
  const keystores = new KeystorePlugins(catalog)
  const call = callOptions({ tenantId, requestId: randomUUID(), timeoutMs: keystoreTimeoutMs })
  try {
    const plugin = keystores.keystorePlugin(pluginType)
    if (plugin === undefined) {
      const known = keystores.keystorePluginTypes().join(", ")
      throw new CliError(
        exitCodes.usage,
        `The profile has no plugin of type ${pluginType}; it has ${known}.`,
        "Name another profile.",
      )
    }
    return await work(await plugin.instance.openKeystore(configuration, call))
  } finally {
    call.dispose()
    await plugins.stop()
  }
}
