#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=30
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { Command, CommanderError, Option } from "commander"
import { exitCodeOf, exitCodes } from "./exit-codes.ts"
import { serve } from "./serve.ts"
import { ServeError } from "./serve-error.ts"

/** Makes the command with all options of `serve`: `apeiro-cmk serve` passes its own on to it. */
function createCommand(): Command {
  const levels = ["debug", "info", "warn", "error", "silent"] as const
  return new Command("apeiro-cmk-host")
    .description("Runs the host until Ctrl-C; `apeiro-cmk serve` starts it with the same options.")
    .option("--profile <file>", "which plugins to load and where to listen (default: the local profile of a clone)")
    .option("--demo", "create the tenant `demo` and show one round trip", false)
    .addOption(new Option("--log-level <level>", "info, or warn with --demo").choices(levels))
    .option("--json", "print errors as JSON", false)
    .allowExcessArguments(false)
    .showHelpAfterError("(--help lists the options)")
    .exitOverride()
    .action(serve)
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await createCommand().parseAsync(argv)
    return exitCodes.success
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage
    report(error, argv.includes("--json"))
    if (error instanceof ServeError) return error.exitCode
    return isCodedError(error) ? exitCodeOf(error) : exitCodes.failure
  }
}

function report(error: unknown, json: boolean): void {
  const message = error instanceof Error ? error.message : String(error)
  const nextStep =
    error instanceof ServeError || isCodedError(error) ? error.nextStep : "This is a fault of the program: report it."
  const text = json ? JSON.stringify({ error: message, next_step: nextStep }) : `Error: ${message}\n${nextStep}`
  process.stderr.write(`${text}\n`)
}

// A reader that has seen enough (`| head`) is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.success)
  throw error
})

process.exitCode = await main(process.argv)
