import { base64Of, importedKeyAnswer, importParameters, wrappedKeyMaterial } from "@apeiro-cmk/http-api/schemas"
import { issuesText, parseConfiguration, wrapKeyMaterial } from "@apeiro-cmk/plugin-sdk"
import type { Command } from "commander"
import type * as z from "zod"
import { CliError } from "../cli-error.ts"
import { contextOf, tenantPath } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { readJson, writeNewFile } from "../files.ts"
import { readKeyFile } from "../secret-file.ts"

/** An AES-256 key. */
const materialBytes = 32

interface WrapOptions {
  readonly key: string
  readonly parameters: string
  readonly output: string
}

/** `apeiro-cmk byok ...` */
export function addByokCommands(program: Command): void {
  const byok = program.command("byok").description("bring your own key: wrap key material and import it as an L1 key")

  byok
    .command("parameters <tenant> <keystore>")
    .description("get the import parameters for `byok wrap` from the keystore, which must not be active yet")
    .requiredOption("--output <file>", "a new file for the parameters")
    .action(async (tenantId: string, keystoreId: string, { output: file }: { output: string }, command: Command) => {
      const { host, output } = contextOf(command)
      const path = tenantPath(tenantId, "keystores", keystoreId, "import-parameters")
      const answer = await host.request({ method: "POST", path, body: {} }, importParameters)
      await writeNewFile(file, textOf(answer))
      output.result(
        { file },
        `Written to ${file}. Next: apeiro-cmk byok wrap, on the machine with the key; it needs no host.`,
      )
    })

  byok
    .command("wrap")
    .description("wrap a key for the import, offline: no host, no network")
    .requiredOption("--key <file>", "the plain key: 32 raw bytes in a file of mode 0600")
    .requiredOption("--parameters <file>", "the import parameters, as the API or a plugin issued them")
    .requiredOption("--output <file>", "a new file for the wrapped key")
    .action(async (options: WrapOptions, command: Command) => {
      const { output } = contextOf(command)
      const parameters = parsed(importParameters, await readJson(options.parameters), options.parameters)
      if (parameters.validTo !== undefined && Date.parse(parameters.validTo) <= Date.now()) {
        throw new CliError(exitCodes.usage, "The import parameters have expired.", "Get new ones from the keystore.")
      }
      const material = await readKeyFile(options.key, materialBytes)
      try {
        const encryptedKeyMaterial = base64Of(wrapKeyMaterial(parameters, material))
        await writeNewFile(options.output, textOf({ encryptedKeyMaterial, providerParams: parameters.providerParams }))
      } finally {
        material.fill(0)
      }
      output.result({ file: options.output }, `Written to ${options.output}. Next: apeiro-cmk byok import.`)
    })

  byok
    .command("import <tenant> <keystore>")
    .description("import the file of `byok wrap`; the keystore must not be active yet")
    .requiredOption("--material <file>", "the file of `byok wrap`")
    .action(async (tenantId: string, keystoreId: string, { material }: { material: string }, command: Command) => {
      const { host, output } = contextOf(command)
      const body = parsed(wrappedKeyMaterial, await readJson(material), material)
      const path = tenantPath(tenantId, "keystores", keystoreId, "import")
      const answer = await host.request({ method: "POST", path, body }, importedKeyAnswer)
      const { l1_key_identity: identity, latest_version: version, state } = answer
      output.result(answer, `Imported as version ${version} of ${identity}, ${state}. Next: apeiro-cmk keystore test.`)
    })
}

function parsed<Schema extends z.ZodType>(schema: Schema, input: unknown, file: string): z.output<Schema> {
  const result = parseConfiguration(schema, input)
  if (result.ok) return result.value
  throw new CliError(exitCodes.usage, `${file}: ${issuesText(result.issues, "(document)")}`, "Use the file unchanged.")
}

function textOf(document: unknown): string {
  return `${JSON.stringify(document, undefined, 2)}\n`
}
