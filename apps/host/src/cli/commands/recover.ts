import { loadCatalog, loadProfile, startPlugins } from "@apeiro-cmk/host-runtime"
import { type KeyExport, parseKeyExport, recoverDataKey } from "@apeiro-cmk/key-hierarchy"
import type { KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { callOptions } from "@apeiro-cmk/plugin-sdk"
import { createPluginServices, systemClock } from "@apeiro-cmk/plugin-sdk/services"
import type { Command } from "commander"
import { createLogger } from "../../pino-logger.ts"
import { keystoreDocument } from "../../schemas/keystore.ts"
import { CliError } from "../cli-error.ts"
import { contextOf, readInput, readJson, writeNewFile } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"

interface RecoverOptions {
  readonly keys: string
  readonly keystore: string
  readonly profile: string
  readonly envelope: string
  readonly plaintextFile?: string
}

const timeoutMs = 30_000

/** `apeiro-cmk recover` */
export function addRecoverCommand(program: Command): void {
  program
    .command("recover")
    .description("open an envelope with the tenant's L1 and an exported key file alone: no host, no database")
    .requiredOption("--keys <file>", "what `tenant export-keys` wrote")
    .requiredOption("--keystore <file>", "the keystore's document as for `keystore add`, secrets included")
    .requiredOption("--profile <file>", "profile that names the keystore's plugin")
    .option("--envelope <file>", "the envelope in base64; - reads standard input", "-")
    .option("--plaintext-file <file>", "a new file for the 32 bytes of the plain key, mode 0600")
    .action(async (options: RecoverOptions, command: Command) => {
      const { output } = contextOf(command)
      const keyExport = parseKeyExport(await readJson(options.keys))
      const envelope = Buffer.from((await readInput(options.envelope)).trim(), "base64")
      const recovered = await withKeystore(options, keyExport, (keystore, tenantId) =>
        recoverDataKey({
          keyExport,
          envelope,
          decryptL1: async ({ l1KeyId, l1KeyVersion, ciphertext, context }) => {
            const call = callOptions({ tenantId, timeoutMs })
            try {
              const request = { key: { keyId: l1KeyId }, keyVersion: l1KeyVersion, ciphertext, context }
              return (await keystore.decrypt(request, call)).plaintext
            } finally {
              call.dispose()
            }
          },
        }),
      )
      try {
        if (options.plaintextFile !== undefined) await writeNewFile(options.plaintextFile, recovered.plaintext)
        const { serviceKeyName, serviceKeyVersion, keystoreId } = recovered
        const facts = { service_key: serviceKeyName, service_key_version: serviceKeyVersion, keystore: keystoreId }
        const where = options.plaintextFile ?? "not shown: use --plaintext-file FILE or --json"
        const plaintext = output.json ? Buffer.from(recovered.plaintext).toString("base64") : undefined
        output.result(
          { ...facts, plaintext },
          `The envelope opens with service key "${serviceKeyName}" version ${serviceKeyVersion}, through L1 in keystore "${keystoreId}".\nThe plain key: ${where}`,
        )
      } finally {
        recovered.plaintext.fill(0)
      }
    })
}

/** Opens the keystore for the time of the work, with the plugin that the profile names. */
async function withKeystore<T>(
  options: RecoverOptions,
  { tenant_id: tenantId }: KeyExport,
  work: (keystore: KeystoreV1, tenantId: string) => Promise<T>,
): Promise<T> {
  const parsed = keystoreDocument.safeParse(await readJson(options.keystore))
  if (!parsed.success) {
    const fields = parsed.error.issues.map((issue) => `${issue.path.join(".") || "(document)"}: ${issue.message}`)
    throw new CliError(exitCodes.usage, `${options.keystore}: ${fields.join("; ")}`, "Write it as for `keystore add`.")
  }
  const { plugin_type: pluginType, configuration } = parsed.data
  const profile = await loadProfile(options.profile, { environment: process.env })
  const logger = createLogger({ level: "silent" })
  const makeServices = () =>
    createPluginServices({
      logger,
      audit: { record: async () => {} },
      credentialDirectory: profile.credentialDirectory,
    })
  const catalog = await loadCatalog(profile, { makeServices, clock: systemClock })
  const plugins = await startPlugins(catalog, { clock: systemClock, logger })
  const call = callOptions({ tenantId, timeoutMs })
  try {
    const plugin = catalog.keystorePlugin(pluginType)
    if (plugin === undefined) {
      const known = catalog.keystorePluginTypes().join(", ")
      throw new CliError(
        exitCodes.usage,
        `The profile has no plugin of type ${pluginType}; it has ${known}.`,
        "Name another profile.",
      )
    }
    return await work(await plugin.instance.openKeystore(configuration, call), tenantId)
  } finally {
    call.dispose()
    await plugins.stop()
  }
}
