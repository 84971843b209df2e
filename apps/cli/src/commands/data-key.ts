import { generatedDataKey, unwrappedDataKey } from "@apeiro-cmk/http-api/schemas"
import type { Command } from "commander"
import { contextOf, tenantPath } from "../context.ts"
import { intoNewFile, readInput } from "../files.ts"

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
      const answer = await keepingPlaintext(options, () =>
        host.request({ method: "POST", path, body: {} }, generatedDataKey),
      )
      output.remark(`${whereIs(options)}\nAudit entry ${answer.audit_entry_id}. The envelope:`)
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
        const answer = await keepingPlaintext(options, () =>
          host.request({ method: "POST", path, body: { envelope } }, unwrappedDataKey),
        )
        output.result(answer, `The envelope opens. ${whereIs(options)}\nAudit entry ${answer.audit_entry_id}.`)
      },
    )
}

/** Asks for a plain key and writes it to the user's file; asks for nothing when that file cannot be made. */
async function keepingPlaintext<T extends { readonly plaintext: string }>(
  { plaintextFile }: KeyOutput,
  ask: () => Promise<T>,
): Promise<T> {
  if (plaintextFile === undefined) return ask()
  return intoNewFile(plaintextFile, async (file) => {
    const answer = await ask()
    const bytes = Buffer.from(answer.plaintext, "base64")
    try {
      await file.writeFile(bytes)
    } finally {
      bytes.fill(0)
    }
    return answer
  })
}

function whereIs({ plaintextFile }: KeyOutput): string {
  if (plaintextFile === undefined) return "The plain key is not shown; use --plaintext-file FILE or --json."
  return `The plain key is in ${plaintextFile}.`
}
