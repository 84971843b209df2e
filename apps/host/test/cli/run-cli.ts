import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { text } from "node:stream/consumers"
import * as z from "zod"
import type { TestHost } from "../test-host.ts"

const packageJson = createRequire(import.meta.url).resolve("@apeiro-cmk/cli/package.json")
const { bin } = z
  .object({ bin: z.object({ "apeiro-cmk": z.string() }) })
  .parse(JSON.parse(readFileSync(packageJson, "utf8")))

/** The program `apeiro-cmk`. */
export const commandLine = join(dirname(packageJson), bin["apeiro-cmk"])

/** Result of one run of the command line. */
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

/** Runs `apeiro-cmk` as a separate process, as a user does. */
export async function runCli(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<CliRun> {
  const child = spawn(process.execPath, [commandLine, ...args], {
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
