import { randomUUID } from "node:crypto"
import {
  decodeEnvelope,
  type KeyExport,
  type L1WrapToOpen,
  parseKeyExport,
  type RecoveredDataKey,
  recoverDataKey,
} from "@apeiro-cmk/key-hierarchy"
import { isCodedError, type KeystoreV1 } from "@apeiro-cmk/plugin-interface"
import { callOptions } from "@apeiro-cmk/plugin-sdk"
import type { Command } from "commander"
import { CliError, exitCodeOf } from "../cli-error.ts"
import { contextOf } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { intoNewFile, readInput, readJson } from "../files.ts"
import type { Output } from "../output.ts"
import { type KeystoreFiles, keystoreTimeoutMs, withKeystore } from "../recovery-keystore.ts"

interface RecoverOptions extends KeystoreFiles {
  readonly keys: string
  readonly envelope: string
  readonly plaintextFile?: string
}

/** `apeiro-cmk recover` */
export function addRecoverCommand(program: Command): void {
  program
    .command("recover")
    .description("open an envelope with nothing but the tenant's L1 and an exported key file: no host, no database")
    .requiredOption("--keys <file>", "the file of `tenant export-keys`")
    .requiredOption("--keystore <file>", "the keystore's document as for `keystore add`, secrets included")
    .requiredOption("--profile <file>", "profile that names the keystore's plugin")
    .option("--envelope <file>", "the envelope in base64; - reads standard input", "-")
    .option("--plaintext-file <file>", "a new file for the 32 bytes of the plain key, mode 0600")
    .action(async (options: RecoverOptions, command: Command) => {
      const { output } = contextOf(command)
      const { plaintextFile } = options
      if (plaintextFile === undefined) return recover(options, output, async () => {})
      await intoNewFile(plaintextFile, (file) => recover(options, output, (plaintext) => file.writeFile(plaintext)))
    })
}

async function recover(
  options: RecoverOptions,
  output: Output,
  keep: (plaintext: Uint8Array) => Promise<void>,
): Promise<void> {
  const keyExport = parseKeyExport(await readJson(options.keys))
  const envelope = await readEnvelope(options.envelope, keyExport)
  let usedWrap: L1WrapToOpen | undefined
  const recovered = await withKeystore(options, keyExport.tenant_id, (keystore) =>
    recoverDataKey({
      keyExport,
      envelope,
      decryptL1: async (wrap) => {
        usedWrap = wrap
        warnOfOtherKey(wrap, keystore, options.keystore, output)
        return decrypt(keystore, wrap, keyExport.tenant_id)
      },
    }),
  )
  try {
    await keep(recovered.plaintext)
    report(recovered, usedWrap, options, output)
  } finally {
    recovered.plaintext.fill(0)
  }
}

async function readEnvelope(file: string, { tenant_id: tenantId }: KeyExport): Promise<Uint8Array> {
  const text = (await readInput(file)).trim()
  const envelope = Buffer.from(text, "base64")
  if (text === "" || envelope.toString("base64") !== text) {
    throw new CliError(exitCodes.usage, "The envelope is not in base64.", "Use it exactly as it was issued.")
  }
  const owner = decodeEnvelope(envelope)?.header.tenantId
  if (owner === undefined || owner === tenantId) return envelope
  throw new CliError(
    exitCodes.notProved,
    `The envelope belongs to tenant "${owner}", and the key export to tenant "${tenantId}".`,
    `Use a key export of tenant "${owner}".`,
  )
}

/** The export decides which L1 key is used: a document that names another one may be the wrong document. */
function warnOfOtherKey(wrap: L1WrapToOpen, keystore: KeystoreV1, file: string, output: Output): void {
  const named = keystore.defaultKey.keyId
  if (named === wrap.l1KeyId) return
  output.warn(`${file} names the key "${named}"; ${wrappedBy(wrap)} That key is used.`)
}

function wrappedBy({ keystoreId, l1KeyId, l1KeyIdentity }: L1WrapToOpen): string {
  return `the tenant key was wrapped by L1 key "${l1KeyId}" (${l1KeyIdentity}) in keystore "${keystoreId}".`
}

/** Decrypts with the key that the export names. @throws {CliError} the keystore's refusal, with that key */
async function decrypt(keystore: KeystoreV1, wrap: L1WrapToOpen, tenantId: string): Promise<Uint8Array> {
  const { l1KeyId, l1KeyVersion, ciphertext, context } = wrap
  const call = callOptions({
    ...{ tenantId, requestId: randomUUID(), keystoreId: wrap.keystoreId },
    timeoutMs: keystoreTimeoutMs,
  })
  try {
    const request = { key: { keyId: l1KeyId }, keyVersion: l1KeyVersion, ciphertext, context }
    return (await keystore.decrypt(request, call)).plaintext
  } catch (error) {
    if (!isCodedError(error)) throw error
    const message = `${error.message} According to the key export, ${wrappedBy(wrap)}`
    throw new CliError(exitCodeOf(0, error.origin, error.code), message, error.nextStep)
  } finally {
    call.dispose()
  }
}

function report(
  recovered: RecoveredDataKey,
  wrap: L1WrapToOpen | undefined,
  { plaintextFile }: RecoverOptions,
  output: Output,
): void {
  const { serviceKeyName, serviceKeyVersion, keystoreId } = recovered
  const facts = {
    service_key: serviceKeyName,
    service_key_version: serviceKeyVersion,
    keystore: keystoreId,
    l1_key_id: wrap?.l1KeyId,
    l1_key_identity: wrap?.l1KeyIdentity,
  }
  const plaintext = output.json ? Buffer.from(recovered.plaintext).toString("base64") : undefined
  output.result(
    { ...facts, plaintext },
    `The envelope opens with service key "${serviceKeyName}" version ${serviceKeyVersion}, through L1 key "${wrap?.l1KeyId}" in keystore "${keystoreId}".\nThe plain key: ${plaintextFile ?? "not shown: use --plaintext-file FILE or --json"}`,
  )
}
