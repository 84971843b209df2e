import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as z from "zod"
import type { TestFolder } from "./test-host.ts"

const script = fileURLToPath(new URL("serve.ts", import.meta.url))
const announcement = z.object({ apiUrl: z.string(), operationsUrl: z.string() })

/** A host in a separate process. */
export interface HostProcess {
  readonly apiUrl: string
  kill(signal: NodeJS.Signals): void
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
}

/** Starts a host in a separate process; resolves when it serves. */
export async function startHostProcess(folder: TestFolder): Promise<HostProcess> {
  const child = spawn(process.execPath, [script, folder.profilePath], { stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(child, "exit").then(([code, signal]) => z.union([z.number(), z.string()]).parse(code ?? signal))
  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([
    once(lines, "line").then(([line]) => z.string().parse(line)),
    ended.then((how) => {
      throw new Error(`the host ended before it served: ${how}`)
    }),
  ])
  const { apiUrl } = announcement.parse(JSON.parse(first))
  return { apiUrl, kill: (signal) => void child.kill(signal), ended }
}
