import { activationAnswer, connectionStep } from "@apeiro-cmk/http-api/schemas"
import type { Command } from "commander"
import * as z from "zod"
import { CliError } from "../cli-error.ts"
import { type CommandContext, contextOf, tenantPath } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { readJsonText } from "../files.ts"
import { savedOrFile } from "../keystore-subject.ts"
import { table } from "../output.ts"
import { stepText } from "../steps.ts"

/** `apeiro-cmk keystore test` and `activate` */
export function addKeystoreTestCommands(keystore: Command): void {
  keystore
    .command("test <tenant> [keystore]")
    .description("test the connection step by step; with --file an unsaved configuration")
    .option("--file <file>", "a document as for `keystore add`; it is not stored")
    .action(async (tenantId: string, name: string | undefined, options: { file?: string }, command: Command) => {
      const context = contextOf(command)
      const subject = savedOrFile(name, options.file)
      const path = tenantPath(tenantId, "keystores", ...("name" in subject ? [subject.name] : []), "test")
      await test(path, "file" in subject ? await readJsonText(subject.file) : "{}", context)
    })

  keystore
    .command("activate <tenant> <keystore>")
    .description("test it, claim its L1 key for the tenant and derive the tenant key")
    .action(async (tenantId: string, name: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const path = tenantPath(tenantId, "keystores", name, "activate")
      const answer = await host.request({ method: "POST", path, body: {} }, activationAnswer)
      output.result(answer, table(Object.entries(answer).map(([field, value]) => [field, printed(value)])))
    })
}

const testLine = z.union([connectionStep, z.object({ status: z.string() })])

/** Shows each step as it ends. */
async function test(path: string, bodyText: string, { host, output }: CommandContext): Promise<void> {
  const headers = { accept: "application/x-ndjson" }
  let status: string | undefined
  for await (const line of host.lines({ method: "POST", path, bodyText, headers })) {
    const parsed = testLine.parse(JSON.parse(line))
    if ("status" in parsed) status = parsed.status
    if (output.json) output.line(line)
    else output.line("status" in parsed ? parsed.status : stepText(parsed))
  }
  if (status === "connection_successful") return
  throw new CliError(
    exitCodes.keystore,
    "The connection test failed.",
    "Follow the advice of the failed steps above, and test again.",
  )
}

function printed(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}
