import { createdToken, tokenList } from "@apeiro-cmk/http-api/schemas"
import { type Command, Option } from "commander"
import * as z from "zod"
import { wholeNumber } from "../arguments.ts"
import { CliError } from "../cli-error.ts"
import { type CommandContext, contextOf, creationHeaders, tenantPath } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { intoNewFile } from "../files.ts"
import { table } from "../output.ts"

interface CreateOptions {
  readonly role: string
  readonly days?: number
  readonly output?: string
}

const secondsOfDay = 24 * 3600

/** `apeiro-cmk token ...` */
export function addTokenCommands(program: Command): void {
  const token = program.command("token").description("a tenant's bearer tokens; their secrets never reach the terminal")

  token
    .command("create <tenant>")
    .description("make a token and write it as a header file; with --json and no file its secret is in the answer")
    .addOption(
      new Option("--role <role>", "administrator: everything in the tenant; workload: data keys; reader: reads only")
        .choices(["administrator", "workload", "reader"])
        .makeOptionMandatory(),
    )
    .option("--days <count>", "life in days, 1 to 366; 30 when left out", wholeNumber(1, 366))
    .option("--output <file>", 'a new file, mode 0600, for the line "Authorization: Bearer ..."')
    .action(async (tenantId: string, options: CreateOptions, command: Command) =>
      create(tenantId, options, contextOf(command)),
    )

  token
    .command("list <tenant>")
    .description("list tokens, also expired and revoked ones, without their secrets")
    .action(async (tenantId: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      const tokens = await host.list(tenantPath(tenantId, "tokens"), tokenList, (part) => part.tokens)
      const rows = tokens.map(({ token_id: id, role, created_at: createdAt, expires_at: expiresAt, ...rest }) => [
        id,
        role,
        stateOf(expiresAt, rest.revoked_at),
        createdAt,
        expiresAt,
      ])
      output.result({ tokens }, table([["TOKEN", "ROLE", "STATE", "CREATED", "EXPIRES"], ...rows]))
    })

  token
    .command("revoke <tenant> <token-id>")
    .description("revoke a token at once")
    .action(async (tenantId: string, tokenId: string, _options: unknown, command: Command) => {
      const { host, output } = contextOf(command)
      await host.request({ method: "DELETE", path: tenantPath(tenantId, "tokens", tokenId) }, z.undefined())
      output.result({ token_id: tokenId, revoked: true }, `Token ${tokenId} is revoked.`)
    })
}

async function create(tenantId: string, options: CreateOptions, { host, output }: CommandContext): Promise<void> {
  const ask = () =>
    host.request(
      {
        method: "POST",
        path: tenantPath(tenantId, "tokens"),
        body: {
          role: options.role,
          ...(options.days === undefined ? {} : { expires_in_seconds: options.days * secondsOfDay }),
        },
        headers: creationHeaders(),
      },
      createdToken,
    )
  const { output: file } = options
  if (file === undefined) {
    if (output.json) return output.result(await ask(), "")
    throw new CliError(
      exitCodes.usage,
      "Name a new file for the token with --output FILE: it is not shown.",
      `E.g. apeiro-cmk token create ${tenantId} --role ${options.role} --output ${options.role}.header`,
    )
  }
  // The file comes first: a token whose secret cannot be kept would have to be revoked.
  const { token: _secret, ...made } = await intoNewFile(file, async (handle) => {
    const answer = await ask()
    await handle.writeFile(`Authorization: Bearer ${answer.token}\n`)
    return answer
  })
  output.result(
    { ...made, file },
    `Token ${made.token_id} (${made.role}, until ${made.expires_at}) is in ${file}. Use it: --header-file ${file}`,
  )
}

function stateOf(expiresAt: string, revokedAt: string | undefined): string {
  if (revokedAt !== undefined) return "revoked"
  return Date.parse(expiresAt) > Date.now() ? "valid" : "expired"
}
