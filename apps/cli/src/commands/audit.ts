import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as pause } from "node:timers/promises"
import { verifyExport } from "@apeiro-cmk/audit-log"
import { auditEntriesAnswer } from "@apeiro-cmk/http-api/schemas"
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import type { Command } from "commander"
import * as z from "zod"
import { wholeNumber } from "../arguments.ts"
import { CliError } from "../cli-error.ts"
import { type CommandContext, contextOf, tenantPath } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { intoNewFile, unreadable } from "../files.ts"

const followEveryMs = 1000

/** `apeiro-cmk audit ...` */
export function addAuditCommands(program: Command): void {
  const audit = program.command("audit").description("a tenant's audit log, and the proof that nobody edited it")

  audit
    .command("tail <tenant>")
    .description("show the newest entries")
    .option("-n, --number <count>", "number of entries", wholeNumber(1, 1_000_000), 20)
    .option("-f, --follow", "continue with new entries until Ctrl-C", false)
    .action(async (tenantId: string, options: { number: number; follow: boolean }, command: Command) =>
      tail(tenantId, options, contextOf(command)),
    )

  audit
    .command("export <tenant>")
    .description("write the whole log as JSON lines, which `audit verify` checks offline")
    .option("--output <file>", "a new file; standard output when left out")
    .action(async (tenantId: string, options: { output?: string }, command: Command) => {
      const { host, output } = contextOf(command)
      const lines = host.lines({ method: "GET", path: tenantPath(tenantId, "audit", "export") })
      if (options.output === undefined) {
        for await (const line of lines) output.line(line)
        return
      }
      await writeLines(options.output, lines)
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

/** Asks for the first line before it makes the file: a host that is down or refuses leaves none behind. */
async function writeLines(path: string, lines: AsyncIterable<string>): Promise<void> {
  const iterator = lines[Symbol.asyncIterator]()
  const first = await iterator.next()
  await intoNewFile(path, async (file) => {
    for (let next = first; next.done !== true; next = await iterator.next()) await file.writeFile(`${next.value}\n`)
  })
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
  const { action, outcome, code, resource, actor } = eventFields.parse(entry.event)
  const failed = code === undefined ? outcome : `${outcome} ${code}`
  const version = resource.version === undefined ? "" : ` v${resource.version}`
  const who = actor.id === actor.type ? actor.type : `${actor.type} ${actor.id}`
  const what = `${resource.type} ${resource.id}${version}`
  return `${String(entry.index).padStart(6)}  ${entry.recorded_at}  ${action.padEnd(22)} ${failed}  ${what}  by ${who}`
}

const eventFields = z.object({
  action: z.string(),
  outcome: z.string(),
  code: z.string().optional(),
  resource: z.object({ type: z.string(), id: z.string(), version: z.string().optional() }),
  actor: z.object({ type: z.string(), id: z.string() }),
})

async function verify(file: string) {
  try {
    return await verifyExport(createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY }))
  } catch (error) {
    if (isCodedError(error)) throw new CliError(exitCodes.notProved, error.message, error.nextStep)
    throw unreadable(file, error)
  }
}
