import { keystoreAnswer, keystoreHealthAnswer, keystoreList, type keystoreSummary } from "@apeiro-cmk/http-api/schemas"
import type { Command } from "commander"
import * as z from "zod"
import { type CommandContext, contextOf, creationHeaders, tenantPath } from "../context.ts"
import { readJsonText } from "../files.ts"
import type { HostClient, Tagged } from "../host-client.ts"
import { table } from "../output.ts"
import { addKeystoreTestCommands } from "./keystore-test.ts"
import { addSetupMaterialCommand } from "./setup-material.ts"

interface RevisionOption {
  readonly etag?: string
}

/** `apeiro-cmk keystore ...` */
export function addKeystoreCommands(program: Command): void {
  const keystore = program.command("keystore").description("a tenant's keystores, which hold its L1 key")
  addSetupMaterialCommand(keystore)
  addAdd(keystore)
  addKeystoreTestCommands(keystore)
  addListAndShow(keystore)
  addUpdate(keystore)
  addRemove(keystore)
}

function addAdd(keystore: Command): void {
  keystore
    .command("add <tenant> <file>")
    .description(
      "add a keystore; FILE holds plugin_type, plugin_name and configuration as JSON; - reads standard input",
    )
    .action(async (tenantId: string, file: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const request = {
        path: tenantPath(tenantId, "keystores"),
        bodyText: await readJsonText(file),
        headers: creationHeaders(),
      }
      const added = await host.request({ method: "POST", ...request }, keystoreAnswer)
      output.result(
        added,
        `Keystore ${added.plugin_name} (${added.plugin_type}) added. Next: apeiro-cmk keystore test ${tenantId} ${added.plugin_name}`,
      )
    })
}

function addListAndShow(keystore: Command): void {
  keystore
    .command("list <tenant>")
    .description("list keystores with health, average latency, last outcome and operations of this hour")
    .action(async (tenantId: string, _options: unknown, command: Command) => list(tenantId, contextOf(command)))

  keystore
    .command("show <tenant> <keystore>")
    .description("print its document as `keystore update` takes it; for a secret, only whether it is set")
    .action(async (tenantId: string, name: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const { document, etag } = await read(host, tenantId, name)
      const { plugin_type, plugin_name, configuration, plugin_status: status } = document
      output.remark(`Keystore ${plugin_name} is ${status}; its ETag is ${etag}`)
      output.result({ ...document, etag }, JSON.stringify({ plugin_type, plugin_name, configuration }, undefined, 2))
    })
}

function addUpdate(keystore: Command): void {
  keystore
    .command("update <tenant> <keystore> <file>")
    .description(
      "replace its configuration; FILE as for `keystore add`; a secret written as `keystore show` prints it keeps its value",
    )
    .option("--etag <etag>", "change this revision only; the present one when left out")
    .action(async (tenantId: string, name: string, file: string, { etag }: RevisionOption, command: Command) => {
      const { host, output } = contextOf(command)
      const bodyText = await readJsonText(file)
      const headers = { "if-match": etag ?? (await read(host, tenantId, name)).etag }
      const path = tenantPath(tenantId, "keystores", name)
      const changed = await host.tagged({ method: "PUT", path, bodyText, headers }, keystoreAnswer)
      output.result(
        { ...changed.document, etag: changed.etag },
        `Keystore ${name} changed; its ETag is now ${changed.etag}\nNext: apeiro-cmk keystore test ${tenantId} ${name}`,
      )
    })
}

function addRemove(keystore: Command): void {
  keystore
    .command("remove <tenant> <keystore>")
    .description("remove a keystore that wraps no tenant key, with its secrets")
    .option("--etag <etag>", "remove this revision only; the present one when left out")
    .action(async (tenantId: string, name: string, { etag }: RevisionOption, command: Command) => {
      const { host, output } = contextOf(command)
      const headers = { "if-match": etag ?? (await read(host, tenantId, name)).etag }
      await host.request({ method: "DELETE", path: tenantPath(tenantId, "keystores", name), headers }, z.undefined())
      output.result({ plugin_name: name, removed: true }, `Keystore ${name} and its secrets are removed.`)
    })
}

function read(host: HostClient, tenantId: string, name: string): Promise<Tagged<z.output<typeof keystoreAnswer>>> {
  return host.tagged({ method: "GET", path: tenantPath(tenantId, "keystores", name) }, keystoreAnswer)
}

async function list(tenantId: string, { host, output }: CommandContext): Promise<void> {
  const keystores: (z.output<typeof keystoreSummary> & { health: z.output<typeof keystoreHealthAnswer> })[] = []
  for (const keystore of await host.list(tenantPath(tenantId, "keystores"), keystoreList, (part) => part.keystores)) {
    const path = tenantPath(tenantId, "keystores", keystore.plugin_name, "health")
    keystores.push({ ...keystore, health: await host.request({ method: "GET", path }, keystoreHealthAnswer) })
  }
  const rows = keystores.map(({ plugin_name: name, plugin_type: type, plugin_status: status, health }) => {
    const { average_latency_ms: latencyMs, last_operation: last, operations } = health
    const outcome = last === undefined ? "not used yet" : (last.code ?? last.outcome)
    return [
      ...[name, type, status, health.health, latencyMs === undefined ? "" : `${latencyMs.toFixed(1)} ms`],
      ...[outcome, last?.at ?? "", operations === undefined ? "" : `${operations.this_hour} of ${operations.limit}`],
    ]
  })
  const head = ["KEYSTORE", "TYPE", "STATUS", "HEALTH", "AVG LATENCY", "LAST OUTCOME", "AT", "THIS HOUR"]
  output.result({ keystores }, table([head, ...rows]))
}
