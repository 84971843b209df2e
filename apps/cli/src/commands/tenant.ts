import { tenantAnswer, tenantList, tenantVerification } from "@apeiro-cmk/http-api/schemas"
import { type Command, Option } from "commander"
import * as z from "zod"
import { wholeNumber } from "../arguments.ts"
import { contextOf, creationHeaders, tenantPath } from "../context.ts"
import { writeNewFile } from "../files.ts"
import { table } from "../output.ts"
import { notVerified, verificationText } from "./verification-text.ts"

interface TenantOptions {
  readonly displayName?: string
  readonly custodyMode?: string
  readonly leaseMs?: number
}

/** `apeiro-cmk tenant ...` */
export function addTenantCommands(program: Command): void {
  const tenant = program.command("tenant").description("tenants, and the proof that each key depends on its L1")
  addCreate(tenant)
  addList(tenant)
  addVerify(tenant)
  addExportKeys(tenant)
}

function addCreate(tenant: Command): void {
  tenant
    .command("create <tenant>")
    .description("create a tenant; this needs the token of the platform's administrator")
    .option("--display-name <name>", "name shown to people; the tenant's id when left out")
    .addOption(
      new Option(
        "--custody-mode <mode>",
        "whether other keystores may replace the first one (byok, when left out) or not (hyok)",
      ).choices(["byok", "hyok"]),
    )
    .option(
      "--lease-ms <milliseconds>",
      "longest use of an L2 after its keystore last confirmed it, 2000 to 300000; 30000 when left out",
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
}

function addList(tenant: Command): void {
  tenant
    .command("list")
    .description("list all tenants")
    .action(async (_options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const tenants = await host.list("/v1/tenants", tenantList, (part) => part.tenants)
      const rows = tenants.map((row) => [
        row.tenant_id,
        row.state,
        row.custody.mode,
        `${row.custody.lease_ms}`,
        row.display_name,
      ])
      output.result({ tenants }, table([["TENANT", "STATE", "CUSTODY", "LEASE MS", "NAME"], ...rows]))
    })
}

function addVerify(tenant: Command): void {
  tenant
    .command("verify <tenant>")
    .description("open each L2 with its L1 and each service key with its L2 now, and show which key wraps which")
    .action(async (tenantId: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const answer = await host.request({ method: "GET", path: tenantPath(tenantId, "verify") }, tenantVerification)
      if (output.json || answer.tenant_keys.length > 0) output.result(answer, verificationText(answer))
      if (!answer.verified) throw notVerified(tenantId, answer)
    })
}

function addExportKeys(tenant: Command): void {
  tenant
    .command("export-keys <tenant>")
    .description("write the key file for `recover`: wraps and envelopes, no secret")
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
