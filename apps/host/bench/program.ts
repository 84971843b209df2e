import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createWriteStream } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as z from "zod"

/** A program that runs until it is stopped. */
export interface RunningProgram {
  readonly processId: number
  /** First line of its standard output. */
  readonly firstLine: string
  /** Lets it end in its own time. */
  stop(): Promise<void>
  /** Ends it at once. */
  kill(): Promise<void>
}

const presentHost = fileURLToPath(new URL("..", import.meta.url))
const hostPackage = z.object({ config: z.object({ nodeArguments: z.array(z.string()) }).optional() })

/**
 * Makes the command that runs a host as `apeiro-cmk serve` does.
 * @param folder - of the host's package; an earlier one names no arguments for Node
 */
export async function hostCommand(options: readonly string[], folder = presentHost): Promise<readonly string[]> {
  const { config } = hostPackage.parse(JSON.parse(await readFile(join(folder, "package.json"), "utf8")))
  return [process.execPath, ...(config?.nodeArguments ?? []), join(folder, "src", "main.ts"), ...options]
}

/** Starts a Node program, as {@link startProgram} does. */
export function startNodeProgram(programArguments: readonly string[], outputFile: string): Promise<RunningProgram> {
  return startProgram([process.execPath, ...programArguments], outputFile)
}

/**
 * Starts a program; its output after the first line goes to a file, as it would under a supervisor.
 * @throws {Error} it ended before its first line
 */
export async function startProgram(command: readonly string[], outputFile: string): Promise<RunningProgram> {
  const [program = "", ...programArguments] = command
  const child = spawn(program, programArguments, { stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(child, "exit")
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    ended.then(([code]) => {
      throw new Error(`${command.join(" ")} ended with ${String(code)} before it served`)
    }),
  ])
  child.stdout.pipe(createWriteStream(outputFile))
  return {
    processId: processIdOf(child),
    firstLine: String(line[0]),
    stop: () => end(child, ended, "SIGTERM"),
    kill: () => end(child, ended, "SIGKILL"),
  }
}

async function end(child: ChildProcess, ended: Promise<unknown>, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  child.kill(signal)
  await ended
}

function processIdOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("a program that runs has no process id")
  return pid
}
