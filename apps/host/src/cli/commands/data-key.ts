import type { Command } from "commander"
import { generatedDataKey, unwrappedDataKey } from "../../schemas/data-key.ts"
import { contextOf, readInput, tenantPath, writeNewFile } from "../context.ts"

interface KeyOutput {
  readonly plaintextFile?: string
}

/** `apeiro-cmk data-key ...` */
export function addDataKeyCommands(program: Command): void {
  const dataKey = program.command("data-key").description("data keys (L4): ephemeral keys and their envelopes")

  dataKey
    .command("generate <tenant> <service-key>")
    .description("make a data key; the plain key is shown with --json or written to a file only")
    .option("--plaintext-file <file>", "a new file for the 32 bytes of the plain key, mode 0600")
    .action(async (tenantId: string, serviceKey: string, options: KeyOutput, command: Command) => {
      const { host, output } = contextOf(command)
      const path = tenantPath(tenantId, "service-keys", serviceKey, "data-keys")
      const answer = await host.request({ method: "POST", path, body: {} }, generatedDataKey)
      const where = await keepPlaintext(answer.plaintext, options)
      output.remark(`${where}\nAudit entry ${answer.audit_entry_id}. The envelope:`)
      output.result(answer, answer.envelope)
    })

  dataKey
    .command("unwrap <tenant> <service-key> [envelope-file]")
    .description("open an envelope (base64) from a file or standard input")
    .option("--plaintext-file <file>", "a new file for the 32 bytes of the plain key, mode 0600")
    .action(
      async (tenantId: string, serviceKey: string, file: string | undefined, options: KeyOutput, command: Command) => {
        const { host, output } = contextOf(command)
        const envelope = (await readInput(file ?? "-")).trim()
        const path = `${tenantPath(tenantId, "service-keys", serviceKey, "data-keys")}/unwrap`
        const answer = await host.request({ method: "POST", path, body: { envelope } }, unwrappedDataKey)
        const where = await keepPlaintext(answer.plaintext, options)
        output.result(answer, `The envelope opens. ${where}\nAudit entry ${answer.audit_entry_id}.`)
      },
    )
}

/** Writes the plain key where the user wants it. @returns a sentence that says where it is */
async function keepPlaintext(plaintext: string, { plaintextFile }: KeyOutput): Promise<string> {
  if (plaintextFile === undefined) return "The plain key is not shown; use --plaintext-file FILE or --json."
  const bytes = Buffer.from(plaintext, "base64")
  try {
    await writeNewFile(plaintextFile, bytes)
  } finally {
    bytes.fill(0)
  }
  return `The plain key is in ${plaintextFile}.`
}
