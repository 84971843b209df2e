import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as pause } from "node:timers/promises"
import { verifyExport } from "@apeiro-cmk/audit-log"
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import type { Command } from "commander"
import { auditEntriesAnswer } from "../../schemas/audit.ts"
import { CliError } from "../cli-error.ts"
import { type CommandContext, contextOf, tenantPath, writeNewFile } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"

const followEveryMs = 1000

/** `apeiro-cmk audit ...` */
export function addAuditCommands(program: Command): void {
  const audit = program.command("audit").description("a tenant's audit log, and the proof that nobody edited it")

  audit
    .command("tail <tenant>")
    .description("show the newest entries")
    .option("-n, --number <count>", "how many", Number, 20)
    .option("-f, --follow", "go on with new entries until Ctrl-C", false)
    .action(async (tenantId: string, options: { number: number; follow: boolean }, command: Command) =>
      tail(tenantId, options, contextOf(command)),
    )

  audit
    .command("export <tenant>")
    .description("write the whole log as JSON lines that `audit verify` checks offline")
    .option("--output <file>", "a new file; standard output when left out")
    .action(async (tenantId: string, options: { output?: string }, command: Command) => {
      const { host, output } = contextOf(command)
      const lines = host.lines({ method: "GET", path: tenantPath(tenantId, "audit", "export") })
      if (options.output === undefined) {
        for await (const line of lines) output.line(line)
        return
      }
      await writeNewFile(options.output, withLineEnds(lines))
      output.result(
        { file: options.output },
        `Written to ${options.output}. Check it: apeiro-cmk audit verify ${options.output}`,
      )
    })

  audit
    .command("verify <file>")
    .description("check an exported log offline: no host, no token")
    .action(async (file: string, _options: unknown, command: Command) => {
      const { output } = contextOf(command)
      const verified = await verify(file)
      const root = Buffer.from(verified.root).toString("base64")
      output.result(
        { verified: true, tenant: verified.tenantId, size: verified.size, root },
        `Whole: ${verified.size} entries of tenant ${verified.tenantId}, root ${root}`,
      )
    })
}

async function* withLineEnds(lines: AsyncIterable<string>): AsyncIterable<string> {
  for await (const line of lines) yield `${line}\n`
}

async function tail(
  tenantId: string,
  options: { readonly number: number; readonly follow: boolean },
  { host, output }: CommandContext,
): Promise<void> {
  const page = (from: number, limit: number) => {
    const path = `${tenantPath(tenantId, "audit", "entries")}?from=${from}&limit=${limit}`
    return host.request({ method: "GET", path }, auditEntriesAnswer)
  }
  const { size } = await page(0, 1)
  for (let from = Math.max(0, size - options.number); ; ) {
    const answer = await page(from, 1000)
    for (const entry of answer.entries) output.line(output.json ? JSON.stringify(entry) : entryText(entry))
    from = answer.next
    if (from >= answer.size && !options.follow) return
    if (from >= answer.size) await pause(followEveryMs)
  }
}

function entryText(entry: { index: number; recorded_at: string; event: Record<string, unknown> }): string {
  const { action, outcome, code, resource, actor } = entry.event
  const failed = code === undefined ? "" : ` ${String(code)}`
  return `${String(entry.index).padStart(6)}  ${entry.recorded_at}  ${String(action).padEnd(22)} ${String(outcome)}${failed}  ${JSON.stringify(resource)} by ${JSON.stringify(actor)}`
}

async function verify(file: string) {
  try {
    return await verifyExport(createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY }))
  } catch (error) {
    if (isCodedError(error)) throw new CliError(exitCodes.notProved, error.message, error.nextStep)
    const reason = error instanceof Error ? error.message : "unknown reason"
    throw new CliError(exitCodes.usage, `${file} cannot be read: ${reason}`, "Check the path.")
  }
}
