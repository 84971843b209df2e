import {
  checkProfile,
  formatProblem,
  type HostRuntimeError,
  type ProfileCheck,
  ProfileError,
} from "@apeiro-cmk/host-runtime"
import { createPluginServices } from "@apeiro-cmk/plugin-sdk/services"
import type { Command } from "commander"
import { createLogger } from "../../pino-logger.ts"
import { CliError } from "../cli-error.ts"
import { contextOf } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { table } from "../output.ts"

/** `apeiro-cmk profile ...` */
export function addProfileCommands(program: Command): void {
  program
    .command("profile")
    .description("profiles: which plugins a host loads")
    .command("check <file>")
    .description("read a profile and load its plugins without starting anything: no network, no database")
    .action(async (file: string, _options: unknown, command: Command) => {
      const { output } = contextOf(command)
      const services = createPluginServices({
        logger: createLogger({ level: "silent" }),
        audit: { record: async () => {} },
      })
      const check = await checkProfile(file, { environment: process.env, makeServices: () => services })
      const failures = check.failures.map(failureDocument)
      output.result({ ok: check.ok, plugins: check.plugins, failures }, checkText(file, check))
      if (!check.ok) throw new CliError(exitCodes.usage, `${file} is not sound.`, "Mend what is listed above.")
    })
}

function checkText(file: string, { ok, plugins, failures }: ProfileCheck): string {
  const rows = plugins.map(({ name, type, package: source, version, state }) => [
    name,
    type,
    source ?? "",
    version ?? "",
    state,
  ])
  const listed = rows.length === 0 ? [] : [table([["PLUGIN", "KIND", "PACKAGE", "VERSION", "STATE"], ...rows])]
  return [...listed, ...failures.map(failureText), ...(ok ? [`${file} is sound.`] : [])].join("\n")
}

function failureText(failure: HostRuntimeError): string {
  if (failure instanceof ProfileError) return failure.problems.map(formatProblem).join("\n")
  return `${failure.code}: ${failure.message}\n  ${failure.nextStep}`
}

function failureDocument(failure: HostRuntimeError): Record<string, unknown> {
  const problems = failure instanceof ProfileError ? { problems: failure.problems } : {}
  return { code: failure.code, message: failure.message, next_step: failure.nextStep, ...problems }
}
