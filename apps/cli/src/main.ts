#!/usr/bin/env node
import { isCodedError } from "@apeiro-cmk/plugin-interface"
import { CommanderError } from "commander"
import { CliError, exitCodeOf } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"
import { createProgram } from "./program.ts"

/** Runs the command, and turns every error into a sentence, a next step and an exit code. */
async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.success
  const program = createProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(argv)
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage
    report(error, argv.includes("--json"))
    if (error instanceof CliError) return error.exitCode
    return isCodedError(error) ? exitCodeOf(0, error.origin, error.code) : exitCodes.failure
  }
}

function report(error: unknown, json: boolean): void {
  const message = error instanceof Error ? error.message : String(error)
  const nextStep =
    error instanceof CliError || isCodedError(error) ? error.nextStep : "This is a fault of the program: report it."
  if (json) {
    const details = error instanceof CliError ? error.details : undefined
    process.stderr.write(`${JSON.stringify({ error: message, next_step: nextStep, details })}\n`)
  } else {
    process.stderr.write(`Error: ${message}\n${nextStep}\n`)
  }
}

// A reader that has seen enough (`| head`) is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.success)
  throw error
})

process.exitCode = await main(process.argv)
