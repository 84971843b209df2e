import { type Command, Option } from "commander"
import * as z from "zod"
import { tenantAnswer, tenantList } from "../../schemas/tenant.ts"
import { tenantVerification } from "../../schemas/verification.ts"
import { wholeNumber } from "../arguments.ts"
import { CliError } from "../cli-error.ts"
import { contextOf, creationHeaders, tenantPath } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { writeNewFile } from "../files.ts"
import { table } from "../output.ts"

/** `apeiro-cmk tenant ...` */
export function addTenantCommands(program: Command): void {
  const tenant = program.command("tenant").description("tenants, and the proof that each key hangs on its L1")

  tenant
    .command("create <tenant>")
    .description("create a tenant; this needs the token of the platform's administrator")
    .option("--display-name <name>", "name shown to people; the tenant's id when left out")
    .addOption(
      new Option(
        "--custody-mode <mode>",
        "whether other keystores may stand in for the first one (byok, when left out) or never (hyok)",
      ).choices(["byok", "hyok"]),
    )
    .option(
      "--lease-ms <milliseconds>",
      "how long an L2 may be used after its keystore was last asked, 2000 to 300000; 30000 when left out",
      wholeNumber(2_000, 300_000),
    )
    .action(async (tenantId: string, options: TenantOptions, command: Command) => {
      const { host, output } = contextOf(command)
      const body = {
        tenant_id: tenantId,
        display_name: options.displayName,
        custody_mode: options.custodyMode,
        lease_ms: options.leaseMs,
      }
      const headers = creationHeaders()
      const created = await host.request({ method: "POST", path: "/v1/tenants", body, headers }, tenantAnswer)
      output.result(
        created,
        `Tenant ${created.tenant_id} created (${created.custody.mode}, lease ${created.custody.lease_ms} ms).`,
      )
    })

  tenant
    .command("list")
    .description("list all tenants")
    .action(async (_options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const answer = await host.request({ method: "GET", path: "/v1/tenants" }, tenantList)
      const rows = answer.tenants.map((row) => [
        row.tenant_id,
        row.state,
        row.custody.mode,
        `${row.custody.lease_ms}`,
        row.display_name,
      ])
      output.result(answer, table([["TENANT", "STATE", "CUSTODY", "LEASE MS", "NAME"], ...rows]))
    })

  tenant
    .command("verify <tenant>")
    .description("open each L2 with its L1 and each service key with its L2 now, and show what wraps what")
    .action(async (tenantId: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const answer = await host.request({ method: "GET", path: tenantPath(tenantId, "verify") }, tenantVerification)
      if (output.json || answer.tenant_keys.length > 0) output.result(answer, verificationText(answer))
      if (!answer.verified) throw notVerified(tenantId, answer)
    })

  tenant
    .command("export-keys <tenant>")
    .description("write what `recover` needs: wraps and envelopes, no secret")
    .option("--output <file>", "a new file; standard output when left out")
    .action(async (tenantId: string, options: { output?: string }, command: Command) => {
      const { host, output } = contextOf(command)
      const answer = await host.request({ method: "GET", path: tenantPath(tenantId, "key-export") }, z.unknown())
      const document = `${JSON.stringify(answer, undefined, 2)}\n`
      if (options.output === undefined) return output.line(document.trimEnd())
      await writeNewFile(options.output, document)
      output.result(
        { file: options.output },
        `Written to ${options.output}. With the tenant's L1 it opens every envelope.`,
      )
    })
}

interface TenantOptions {
  readonly displayName?: string
  readonly custodyMode?: string
  readonly leaseMs?: number
}

function notVerified(tenantId: string, answer: z.output<typeof tenantVerification>): CliError {
  const { tenant_keys: keys, service_keys: serviceKeys } = answer
  if (keys.length === 0) {
    const next = `Add a keystore and activate it: apeiro-cmk keystore add ${tenantId} FILE`
    return new CliError(exitCodes.notProved, "The tenant has no tenant key yet.", next)
  }
  const tried = [...keys.flatMap(({ wraps }) => wraps), ...serviceKeys]
  const next =
    tried.find(({ opens, next_step }) => !opens && next_step !== undefined)?.next_step ??
    "Ask the keystore's administrator about the wraps above."
  return new CliError(exitCodes.notProved, "Not every key opens.", next)
}

function verificationText(answer: z.output<typeof tenantVerification>): string {
  const { verified, tenant_keys: keys, service_keys: serviceKeys } = answer
  const rows = keys.flatMap((key) =>
    key.wraps.map((wrap) => [
      `${key.key_id} v${key.version}`,
      key.state,
      `${wrap.l1_key_identity} v${wrap.l1_key_version}`,
      wrap.keystore_id,
      wrap.opens ? "opens" : (wrap.code ?? "does not open"),
      wrap.audit_entry_index === undefined ? wrap.audit_entry_id : `${wrap.audit_entry_index} (${wrap.audit_entry_id})`,
    ]),
  )
  const serviceRows = serviceKeys.map(({ name, version, state, parent, opens, code }) => [
    ...[`${name} v${version}`, state, `${parent.key_id} v${parent.version}`],
    opens ? "opens" : (code ?? "does not open"),
  ])
  const serviceHeading = ["SERVICE KEY", "STATE", "WRAPPED BY L2", "NOW"]
  const heading = ["L2 KEY", "STATE", "WRAPPED BY L1", "KEYSTORE", "NOW", "AUDIT ENTRY"]
  return [
    ...(rows.length === 0 ? [] : [table([heading, ...rows])]),
    ...(serviceRows.length === 0 ? [] : ["", table([serviceHeading, ...serviceRows]), ""]),
    ...(verified ? ["Every wrap opens with its L1, and every service key with its L2."] : []),
  ].join("\n")
}
