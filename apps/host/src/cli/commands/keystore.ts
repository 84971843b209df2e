import type { Command } from "commander"
import { z } from "zod"
import {
  activationAnswer,
  connectionStep,
  keystoreAnswer,
  keystoreHealthAnswer,
  setupMaterialAnswer,
} from "../../schemas/keystore.ts"
import { CliError } from "../cli-error.ts"
import { type CommandContext, contextOf, creationHeaders, readJson, tenantPath } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { table } from "../output.ts"
import { stepText } from "../steps.ts"

/** `apeiro-cmk keystore ...` */
export function addKeystoreCommands(program: Command): void {
  const keystore = program.command("keystore").description("a tenant's keystores, which hold its L1 key")

  keystore
    .command("add <tenant> <file>")
    .description(
      "add a keystore; FILE holds plugin_type, plugin_name and configuration as JSON, - reads standard input",
    )
    .action(async (tenantId: string, file: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const request = {
        path: tenantPath(tenantId, "keystores"),
        body: await readJson(file),
        headers: creationHeaders(),
      }
      const added = await host.request({ method: "POST", ...request }, keystoreAnswer)
      output.result(
        added,
        `Keystore ${added.plugin_name} (${added.plugin_type}) added. Next: apeiro-cmk keystore test ${tenantId} ${added.plugin_name}`,
      )
    })

  keystore
    .command("list <tenant>")
    .description("list keystores with their health")
    .action(async (tenantId: string, _options: unknown, command: Command) => list(tenantId, contextOf(command)))

  keystore
    .command("test <tenant> [keystore]")
    .description("test the connection step by step; with --file an unsaved configuration")
    .option("--file <file>", "a document as for `keystore add`; nothing of it is stored")
    .action(async (tenantId: string, name: string | undefined, options: { file?: string }, command: Command) => {
      const body = options.file === undefined ? {} : await readJson(options.file)
      if ((name === undefined) === (options.file === undefined)) {
        throw new CliError(
          exitCodes.usage,
          "Name either a keystore or a --file.",
          "See apeiro-cmk keystore test --help.",
        )
      }
      const path = tenantPath(tenantId, "keystores", ...(name === undefined ? [] : [name]), "test")
      await test(path, body, contextOf(command))
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

  keystore
    .command("setup-material <tenant> <keystore>")
    .description("print the policies and commands with which the keystore's administrator prepares it")
    .action(async (tenantId: string, name: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const path = tenantPath(tenantId, "keystores", name, "setup-material")
      const answer = await host.request({ method: "GET", path }, setupMaterialAnswer)
      output.result(answer, answer.documents.map((d) => `# ${d.title} (${d.file_name})\n\n${d.text}`).join("\n\n"))
    })
}

async function list(tenantId: string, { host, output }: CommandContext): Promise<void> {
  const path = tenantPath(tenantId, "keystores")
  const answer = await host.request({ method: "GET", path }, z.object({ keystores: z.array(keystoreAnswer) }))
  const keystores = await Promise.all(
    answer.keystores.map(async (keystore) => {
      const health = { method: "GET", path: tenantPath(tenantId, "keystores", keystore.plugin_name, "health") } as const
      return { ...keystore, health: await host.request(health, keystoreHealthAnswer) }
    }),
  )
  const rows = keystores.map(({ plugin_name: name, plugin_type: type, plugin_status: status, health }) => {
    const last = health.last_operation
    const outcome = last === undefined ? "not used yet" : (last.code ?? last.outcome)
    return [name, type, status, outcome, last === undefined ? "" : `${last.latency_ms.toFixed(1)} ms`, last?.at ?? ""]
  })
  output.result({ keystores }, table([["KEYSTORE", "TYPE", "STATUS", "LAST OUTCOME", "LATENCY", "AT"], ...rows]))
}

const testLine = z.union([connectionStep, z.object({ status: z.string() })])

/** Shows each step as it ends. */
async function test(path: string, body: unknown, { host, output }: CommandContext): Promise<void> {
  const headers = { accept: "application/x-ndjson" }
  let status: string | undefined
  for await (const line of host.lines({ method: "POST", path, body, headers })) {
    const parsed = testLine.parse(JSON.parse(line))
    if ("status" in parsed) status = parsed.status
    if (output.json) output.line(line)
    else output.line("status" in parsed ? parsed.status : stepText(parsed))
  }
  if (status === "connection_successful") return
  throw new CliError(
    exitCodes.keystore,
    "The connection test failed.",
    "Do what the failed steps above say, and test again.",
  )
}

function printed(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}
