import { type ChildProcessByStdio, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"

/** A second process that runs a script of this folder. */
export interface Child {
  /** The lines of its standard output. */
  readonly lines: AsyncIterable<string>
  readonly process: ChildProcessByStdio<Writable, Readable, null>
  /** Resolves when it has ended and all its output was read. */
  readonly closed: Promise<unknown>
}

export function startChild(script: string, ...args: readonly string[]): Child {
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  })
  const closed = once(child, "close")
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await closed
  })
  return { process: child, lines: createInterface({ input: child.stdout }), closed }
}

/** Reads the first line that a child prints. */
export async function firstLine(child: Child): Promise<string> {
  for await (const line of child.lines) return line
  throw new Error("the child ended without a line")
}
