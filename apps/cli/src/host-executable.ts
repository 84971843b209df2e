import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { constants } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as z from "zod"
import { CliError } from "./cli-error.ts"
import { exitCodes } from "./exit-codes.ts"

const hostPackage = "@apeiro-cmk/host"
const hostName = "apeiro-cmk-host"
const packageJson = z.object({
  name: z.literal(hostPackage),
  bin: z.object({ [hostName]: z.string() }),
  config: z.object({ nodeArguments: z.array(z.string()) }).optional(),
})

/**
 * Runs the host's own executable until it ends, with the arguments for Node that its package names, and with this
 * program's input, output and signals.
 *
 * @returns its exit code; 128 and the signal's number when a signal ended it
 * @throws {CliError} usage - the host is not installed
 */
export async function runHost(options: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...findHost(), ...options], { stdio: "inherit" })
  // Ctrl-C in a terminal reaches the host without us, and a second SIGINT would end it at once.
  const pass = (signal: NodeJS.Signals) => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal)
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, pass)
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject)
      child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]))
    })
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, pass)
  }
}

/**
 * Finds the host from the present folder, beside this program's own package, or in the same clone.
 * @returns arguments for Node: the host's own ones, and its executable
 */
function findHost(): readonly string[] {
  const candidates = [
    resolved(join(process.cwd(), "package.json")),
    resolved(fileURLToPath(import.meta.url)),
    fileURLToPath(new URL("../../host/package.json", import.meta.url)),
  ]
  for (const file of candidates) {
    const program = file === undefined ? undefined : programOf(file)
    if (program !== undefined) return program
  }
  throw new CliError(
    exitCodes.usage,
    "The host is not installed here: this is the command line alone.",
    `Run it from a clone of the project (\`npm start\`), or where the package ${hostPackage} is installed.`,
  )
}

function resolved(from: string): string | undefined {
  try {
    return createRequire(from).resolve(`${hostPackage}/package.json`)
  } catch {
    return undefined
  }
}

function programOf(file: string): readonly string[] | undefined {
  if (!existsSync(file)) return undefined
  const parsed = packageJson.safeParse(JSON.parse(readFileSync(file, "utf8")))
  if (!parsed.success) return undefined
  const { bin, config } = parsed.data
  return [...(config?.nodeArguments ?? []), join(dirname(file), bin[hostName])]
}
