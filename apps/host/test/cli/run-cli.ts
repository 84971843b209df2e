import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import * as z from "zod"
import type { TestHost } from "../test-host.ts"

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

/** What one run of the command line left behind. */
export interface CliRun {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The command line, against one host. */
export interface Cli {
  run(...args: readonly string[]): Promise<CliRun>
  /** Runs with `--json` and expects success. */
  json<T>(schema: z.ZodType<T>, ...args: readonly string[]): Promise<T>
}

/** Runs `apeiro-cmk` as a process of its own, as a user does. */
export async function runCli(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<CliRun> {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  })
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")])
  return { exitCode: z.number().parse(exitCode), stdout, stderr }
}

/** The command line as the administrator of a host uses it. */
export function cliOf(host: TestHost): Cli {
  const environment = {
    APEIRO_CMK_URL: host.url,
    APEIRO_CMK_HEADER_FILE: join(host.folder.dataDirectory, "administrator.header"),
  }
  const run = (...args: readonly string[]) => runCli(args, environment)
  return {
    run,
    async json(schema, ...args) {
      const { exitCode, stdout, stderr } = await run("--json", ...args)
      if (exitCode !== 0) throw new Error(`apeiro-cmk ${args.join(" ")} ended with ${exitCode}: ${stderr}`)
      return schema.parse(JSON.parse(stdout))
    },
  }
}
