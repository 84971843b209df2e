import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createWriteStream } from "node:fs"
import { createInterface } from "node:readline"

/** A Node program that runs until it is stopped. */
export interface NodeProgram {
  readonly processId: number
  /** First line of its standard output. */
  readonly firstLine: string
  stop(): Promise<void>
}

/**
 * Starts a Node program; its output after the first line goes to a file, as it would under a supervisor.
 * @throws {Error} it ended before its first line
 */
export async function startNodeProgram(programArguments: readonly string[], outputFile: string): Promise<NodeProgram> {
  const child = spawn(process.execPath, programArguments, { stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(child, "exit")
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    ended.then(([code]) => {
      throw new Error(`${programArguments.join(" ")} ended with ${String(code)} before it served`)
    }),
  ])
  child.stdout.pipe(createWriteStream(outputFile))
  return { processId: processIdOf(child), firstLine: String(line[0]), stop: () => end(child, ended) }
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM")
  await ended
}

function processIdOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("a program that runs has no process id")
  return pid
}
