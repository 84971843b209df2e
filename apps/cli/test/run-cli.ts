import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** Result of one run of the command line. */
export interface CliRun {
  readonly exitCode: unknown
  readonly stdout: string
  readonly stderr: string
}

/** Place and program of a run. */
export interface RunOptions {
  /** Default: the present folder. */
  readonly cwd?: string
  /** Default: the program of this package. */
  readonly program?: string
}

/** Without the path on which the shims of pnpm let every package of this workspace be found. */
export const environment = { ...process.env, NODE_PATH: "" }

/** Runs `apeiro-cmk` as a separate process, as a user does. */
export async function runCli(args: readonly string[], { cwd, program = main }: RunOptions = {}): Promise<CliRun> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
    ...(cwd === undefined ? {} : { cwd }),
  })
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")])
  return { exitCode, stdout, stderr }
}
