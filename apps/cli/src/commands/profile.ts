import {
  checkProfile,
  defaultExecutableFolder,
  formatProblem,
  type HostRuntimeError,
  type LoadedProfile,
  loadProfile,
  type ProfileCheck,
  ProfileError,
  renderForOpenkcm,
} from "@apeiro-cmk/host-runtime"
import { createPluginServices } from "@apeiro-cmk/plugin-sdk/services"
import { type Command, Option } from "commander"
import { CliError } from "../cli-error.ts"
import { contextOf } from "../context.ts"
import { exitCodes } from "../exit-codes.ts"
import { table } from "../output.ts"
import { silentLogger } from "../silent-logger.ts"

/** `apeiro-cmk profile ...` */
export function addProfileCommands(program: Command): void {
  const profile = program.command("profile").description("profiles: which plugins a host loads")

  profile
    .command("render <file>")
    .description("print a profile for another host, and on standard error what that host cannot express")
    .addOption(otherHost().makeOptionMandatory())
    .option("--executables <folder>", "folder of the plugins' executables on that host", defaultExecutableFolder)
    .action(async (file: string, { executables }: { executables: string }, command: Command) => {
      const { output } = contextOf(command)
      const rendering = renderForOpenkcm(await loadProfile(file, { environment: process.env }), executables)
      for (const problem of rendering.problems) output.warn(formatProblem(problem))
      output.result(rendering, rendering.yaml.trimEnd())
    })

  profile
    .command("check <file>")
    .description("read a profile and load its plugins without starting anything: no network, no database")
    .addOption(otherHost())
    .action(async (file: string, options: { for?: string }, command: Command) => {
      const { output } = contextOf(command)
      const services = createPluginServices({
        logger: silentLogger,
        audit: { record: async () => {} },
      })
      const check = await checkProfile(file, { environment: process.env, makeServices: () => services })
      const failures = check.failures.map(failureDocument)
      output.result({ ok: check.ok, plugins: check.plugins, failures }, checkText(file, check))
      const foreign = options.for === undefined || check.profile === undefined ? [] : problemsThere(check.profile)
      for (const problem of foreign) output.warn(formatProblem(problem))
      if (foreign.length > 0) {
        throw new CliError(exitCodes.usage, `${file} uses features that the other host lacks.`, "See the list above.")
      }
      if (!check.ok) throw new CliError(exitCodes.usage, `${file} is not valid.`, "Fix the faults listed above.")
    })
}

const otherHost = () => new Option("--for <host>", "the upstream OpenKCM CMK server").choices(["openkcm"])

function problemsThere(profile: LoadedProfile) {
  return renderForOpenkcm(profile).problems
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
  return [...listed, ...failures.map(failureText), ...(ok ? [`${file} is valid.`] : [])].join("\n")
}

function failureText(failure: HostRuntimeError): string {
  if (failure instanceof ProfileError) return failure.problems.map(formatProblem).join("\n")
  return `${failure.code}: ${failure.message}\n  ${failure.nextStep}`
}

function failureDocument(failure: HostRuntimeError): Record<string, unknown> {
  const problems = failure instanceof ProfileError ? { problems: failure.problems } : {}
  return { code: failure.code, message: failure.message, next_step: failure.nextStep, ...problems }
}
