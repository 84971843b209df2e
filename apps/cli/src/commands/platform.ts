import { setTimeout as sleep } from "node:timers/promises"
import { platformKeystoreAnswer, platformKeystoreList } from "@apeiro-cmk/http-api/schemas"
import type { Command } from "commander"
import type * as z from "zod"
import { wholeNumber } from "../arguments.ts"
import { CliError } from "../cli-error.ts"
import { type CommandContext, contextOf, creationHeaders } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { table } from "../output.ts"
import { addClaimCommands } from "./claim.ts"

type PlatformKeystore = z.output<typeof platformKeystoreAnswer>

interface WaitOptions {
  readonly wait: boolean
  readonly waitSeconds: number
}

const root = "/v1/platform/keystores"
const pollMs = 250

/** `apeiro-cmk platform ...` */
export function addPlatformCommands(program: Command): void {
  const platform = program.command("platform").description("the work of the platform's administrator for tenants")
  const keystore = platform.command("keystore").description("keystores for tenants on the platform's own server")
  addCreate(keystore)
  addListAndShow(keystore)
  addRemove(keystore)
  addClaimCommands(platform)
}

function addCreate(keystore: Command): void {
  waiting(
    keystore
      .command("create <tenant> <keystore>")
      .description("make a keystore for a tenant without a keystore of its own, and wait until it is ready"),
  )
    .option("--plugin-type <type>", "plugin whose server the operator has configured", "openbao")
    .action(async (tenantId: string, name: string, options: WaitOptions & { pluginType: string }, command: Command) => {
      const context = contextOf(command)
      const body = { tenant_id: tenantId, plugin_type: options.pluginType, plugin_name: name }
      const headers = creationHeaders()
      const asked = await context.host.request({ method: "POST", path: root, body, headers }, platformKeystoreAnswer)
      const made = options.wait ? await untilSettled(asked, options, context) : asked
      if (made === undefined) throw gone(name)
      context.output.result(made, madeText(made))
      if (made.state === "failed") throw failed(made)
    })
}

function addListAndShow(keystore: Command): void {
  keystore
    .command("list")
    .description("list them with their states")
    .action(async (_options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const keystores = await host.list(root, platformKeystoreList, (part) => part.keystores)
      const rows = keystores.map((each) => [
        ...[each.tenant_id, each.plugin_name, each.plugin_type, each.state],
        ...[each.failure?.code ?? "", each.updated_at],
      ])
      output.result({ keystores }, table([["TENANT", "KEYSTORE", "TYPE", "STATE", "LAST FAILURE", "AT"], ...rows]))
    })

  keystore
    .command("show <tenant> <keystore>")
    .description("show the state of one, and why its last attempt failed")
    .action(async (tenantId: string, name: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const shown = await host.request({ method: "GET", path: pathOf(tenantId, name) }, platformKeystoreAnswer)
      output.result(shown, madeText(shown))
    })
}

function addRemove(keystore: Command): void {
  waiting(
    keystore
      .command("remove <tenant> <keystore>")
      .description("permanently remove one that wraps no tenant key, with its L1 key, and wait until it is gone"),
  ).action(async (tenantId: string, name: string, options: WaitOptions, command: Command) => {
    const context = contextOf(command)
    const asked = await context.host.request({ method: "DELETE", path: pathOf(tenantId, name) }, platformKeystoreAnswer)
    const left = options.wait ? await untilSettled(asked, options, context) : asked
    if (left === undefined) {
      return context.output.result({ plugin_name: name, removed: true }, `Keystore ${name} and its L1 key are removed.`)
    }
    context.output.result(left, madeText(left))
    if (options.wait) throw failed(left)
  })
}

function waiting(command: Command): Command {
  return command
    .option("--no-wait", "return at once; `platform keystore show` shows the progress")
    .option("--wait-seconds <seconds>", "longest wait, 1 to 3600", wholeNumber(1, 3600), 120)
}

/** Asks until the state no longer changes on its own or the wait is over. @returns undefined when it is gone */
async function untilSettled(
  asked: PlatformKeystore,
  { waitSeconds }: WaitOptions,
  { host, output }: CommandContext,
): Promise<PlatformKeystore | undefined> {
  const path = pathOf(asked.tenant_id, asked.plugin_name)
  const endsAtMs = Date.now() + waitSeconds * 1000
  let said = ""
  for (let seen = asked; ; await sleep(pollMs)) {
    const { code, message } = seen.failure ?? {}
    const remark = code === undefined ? `${seen.state} ...` : `${seen.state}: ${message} (${code})`
    if (remark !== said && (seen.state === "pending" || seen.state === "removing")) output.remark(remark)
    said = remark
    if (seen.state === "ready" || seen.state === "failed" || Date.now() > endsAtMs) return seen
    try {
      seen = await host.request({ method: "GET", path }, platformKeystoreAnswer)
    } catch (error) {
      if (error instanceof CliError && error.exitCode === exitCodes.notFound) return undefined
      throw error
    }
  }
}

function madeText({ tenant_id: tenantId, plugin_name: name, state, failure }: PlatformKeystore): string {
  if (state === "ready") {
    return `Keystore ${name} is ready. Next: apeiro-cmk keystore test ${tenantId} ${name}, then keystore activate`
  }
  return `Keystore ${name} is ${state}${failure === undefined ? "" : `: ${failure.message} (${failure.code})`}`
}

function failed({ tenant_id: tenantId, plugin_name: name, failure, state }: PlatformKeystore): CliError {
  const next = failure?.next_step ?? `Watch its progress: apeiro-cmk platform keystore show ${tenantId} ${name}`
  const message = failure?.message ?? `The keystore is still ${state}.`
  return new CliError(exitCodes.keystore, message, next)
}

function gone(name: string): CliError {
  return new CliError(exitCodes.notFound, `The keystore ${name} was removed meanwhile.`, "Create it again.")
}

function pathOf(tenantId: string, name: string): string {
  return `${root}/${encodeURIComponent(tenantId)}/${encodeURIComponent(name)}`
}
